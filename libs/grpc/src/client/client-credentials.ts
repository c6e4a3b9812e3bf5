import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { type ChannelCredentials, credentials } from '@grpc/grpc-js';
import { ConfigError, type ConfigProblem } from '@rookery/config';
import type { GrpcClientConfig } from './grpc-client.config.js';

type TlsConfig = Pick<GrpcClientConfig, 'tls' | 'tlsCa' | 'tlsCert' | 'tlsKey' | 'tlsServerName'>;

/**
 * The credentials of a service's clients: TLS with the files that the configuration names, read once, or plain text.
 * @throws {ConfigError} for files that cannot be read or are no PEM, and for settings that contradict each other: who names
 * a certificate does not want to send in plain text
 */
export function clientCredentials(config: TlsConfig): ChannelCredentials {
  const problems: ConfigProblem[] = [];
  const { tlsCa, tlsCert, tlsKey } = config;
  const refuse = (variable: string, got: string | undefined, takes: string) => problems.push({ variable, got, takes });
  if (!config.tls) {
    const set = Object.entries({
      GRPC_CLIENT_TLS_CA: tlsCa,
      GRPC_CLIENT_TLS_CERT: tlsCert,
      GRPC_CLIENT_TLS_KEY: tlsKey,
      GRPC_CLIENT_TLS_SERVER_NAME: config.tlsServerName,
    }).filter(([, value]) => value !== undefined);
    if (set.length === 0) return credentials.createInsecure();
    refuse('GRPC_CLIENT_TLS', 'false', `true when ${set.map(([name]) => name).join(', ')} is set`);
    throw new ConfigError(problems);
  }
  const read = (variable: string, path: string | undefined, part: 'ca' | 'cert' | 'key') => {
    if (path === undefined) return null;
    try {
      const pem = readFileSync(path);
      createSecureContext({ [part]: pem });
      if (part === 'ca' && !pem.includes('BEGIN CERTIFICATE')) throw new Error('no certificate in it');
      return pem;
    } catch (error) {
      refuse(variable, path, `the path of a PEM file that can be read (${(error as Error).message})`);
      return null;
    }
  };
  const ca = read('GRPC_CLIENT_TLS_CA', tlsCa, 'ca');
  const cert = read('GRPC_CLIENT_TLS_CERT', tlsCert, 'cert');
  const key = read('GRPC_CLIENT_TLS_KEY', tlsKey, 'key');
  if (tlsCert && !tlsKey) refuse('GRPC_CLIENT_TLS_KEY', undefined, 'the key of GRPC_CLIENT_TLS_CERT');
  if (tlsKey && !tlsCert) refuse('GRPC_CLIENT_TLS_CERT', undefined, 'the certificate of GRPC_CLIENT_TLS_KEY');
  if (problems.length > 0) throw new ConfigError(problems);
  return credentials.createSsl(ca, key, cert);
}
