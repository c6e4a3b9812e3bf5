import { readFileSync } from 'node:fs';
import { ServerCredentials } from '@grpc/grpc-js';
import { ConfigError, Environment, loadConfig } from '@rookery/config';
import { Unavailable } from '@rookery/errors';
import { GrpcClientConfig, clientCredentials, createGrpcClient } from '@rookery/grpc';
import { fake, serveFake } from '@rookery/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Certificates, makeCertificates } from '../../certificates.js';
import { KindsDefinition, failure } from './kinds.fixture.js';

let certificates: Certificates;
beforeAll(() => {
  certificates = makeCertificates();
});
afterAll(() => certificates.remove());

const cleanUps: (() => void)[] = [];
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) cleanUp();
});

const credentialsOf = (variables: Record<string, string>) =>
  clientCredentials(loadConfig([GrpcClientConfig], new Environment(variables))[0]);

/** A server with a certificate for `localhost`; with `mutual`, its clients must show one as well. */
async function secureServer({ mutual }: { mutual: boolean }): Promise<number> {
  const { ca, server } = certificates;
  const pair = { cert_chain: readFileSync(server.cert), private_key: readFileSync(server.key) };
  const credentials = ServerCredentials.createSsl(readFileSync(ca), [pair], mutual);
  const served = await serveFake(fake(KindsDefinition, { get: ({ id }) => ({ id }) }), { credentials });
  cleanUps.push(() => served.close());
  return served.port;
}

function call(target: string, variables: Record<string, string>): Promise<unknown> {
  const client = createGrpcClient(KindsDefinition, {
    target,
    timeout: '10s',
    retry: false,
    credentials: credentialsOf(variables),
    channel: { 'grpc.ssl_target_name_override': variables.GRPC_CLIENT_TLS_SERVER_NAME },
  });
  cleanUps.push(() => client.close());
  return client.methods.get({ id: 'x' });
}

describe('a client with TLS', () => {
  it('trusts the authority of the configuration, and no other', async () => {
    const target = `dns:///localhost:${await secureServer({ mutual: false })}`;
    const tls = { GRPC_CLIENT_TLS: 'true' };
    expect(await call(target, { ...tls, GRPC_CLIENT_TLS_CA: certificates.ca })).toMatchObject({ id: 'x' });
    const refused = call(target, { ...tls, GRPC_CLIENT_TLS_CA: certificates.stranger });
    expect(await failure(refused)).toBeInstanceOf(Unavailable);
    expect(await failure(call(target, {}))).toBeInstanceOf(Unavailable);
  });

  it('checks the name in the certificate, which the configuration may give', async () => {
    const target = `127.0.0.1:${await secureServer({ mutual: false })}`;
    const tls = { GRPC_CLIENT_TLS: 'true', GRPC_CLIENT_TLS_CA: certificates.ca };
    expect(await failure(call(target, tls))).toBeInstanceOf(Unavailable);
    expect(await call(target, { ...tls, GRPC_CLIENT_TLS_SERVER_NAME: 'localhost' })).toMatchObject({ id: 'x' });
  });

  it('shows its own certificate to a server that wants one', async () => {
    const target = `dns:///localhost:${await secureServer({ mutual: true })}`;
    const tls = { GRPC_CLIENT_TLS: 'true', GRPC_CLIENT_TLS_CA: certificates.ca };
    const { cert, key } = certificates.client;
    expect(await failure(call(target, tls))).toBeInstanceOf(Unavailable);
    expect(await call(target, { ...tls, GRPC_CLIENT_TLS_CERT: cert, GRPC_CLIENT_TLS_KEY: key })).toMatchObject({
      id: 'x',
    });
  });
});

describe('a configuration of TLS that cannot work', () => {
  const problems = (variables: Record<string, string>) => {
    try {
      credentialsOf(variables);
    } catch (error) {
      if (error instanceof ConfigError) return error.message;
    }
    throw new Error('it was accepted');
  };

  it('names every file that cannot be read or is no PEM', () => {
    const text = problems({
      GRPC_CLIENT_TLS: 'true',
      GRPC_CLIENT_TLS_CA: '/no/such/ca.pem',
      GRPC_CLIENT_TLS_CERT: certificates.client.cert,
      GRPC_CLIENT_TLS_KEY: import.meta.filename,
    });
    expect(text).toContain('The configuration has 2 problems');
    expect(text).toMatch(/GRPC_CLIENT_TLS_CA: got "\/no\/such\/ca\.pem"; takes the path of a PEM file .*ENOENT/);
    expect(text).toContain('GRPC_CLIENT_TLS_KEY: got "');
    expect(problems({ GRPC_CLIENT_TLS: 'true', GRPC_CLIENT_TLS_CA: import.meta.filename })).toContain('no certificate');
  });

  it('has a certificate without its key, or the other way round', () => {
    const { cert, key } = certificates.client;
    const without = (file: Record<string, string>) => problems({ GRPC_CLIENT_TLS: 'true', ...file });
    expect(without({ GRPC_CLIENT_TLS_CERT: cert })).toContain('GRPC_CLIENT_TLS_KEY: is not set');
    expect(without({ GRPC_CLIENT_TLS_KEY: key })).toContain('GRPC_CLIENT_TLS_CERT: is not set');
  });

  it('has files for connections in plain text', () => {
    expect(problems({ GRPC_CLIENT_TLS_CA: certificates.ca })).toContain(
      'GRPC_CLIENT_TLS: got "false"; takes true when GRPC_CLIENT_TLS_CA is set',
    );
  });
});
