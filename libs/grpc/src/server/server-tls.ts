import { readFileSync } from 'node:fs';
import { ServerCredentials } from '@grpc/grpc-js';
import { ConfigError, type ConfigProblem } from '@rookery/config';
import type { GrpcConfig } from '../grpc.config.js';

/** How a server proves who it is, as PEM. */
export interface ServerTls {
  cert: string | Buffer;
  key: string | Buffer;
  /** Who signs the certificates of clients; with it, a client without one is refused (mutual TLS). */
  clientCa?: string | Buffer;
}

/** What grpc-js listens with. @throws {Error} when certificate and key do not fit */
export function serverCredentials(tls: ServerTls | undefined): ServerCredentials {
  if (!tls) return ServerCredentials.createInsecure();
  const pair = { cert_chain: Buffer.from(tls.cert), private_key: Buffer.from(tls.key) };
  const ca = tls.clientCa === undefined ? null : Buffer.from(tls.clientCa);
  return ServerCredentials.createSsl(ca, [pair], ca !== null);
}

/** The files that GRPC_TLS_… name; undefined when the server speaks plain text. @throws {ConfigError} */
export function readServerTls({ tlsCert, tlsKey, tlsClientCa }: GrpcConfig): ServerTls | undefined {
  if (tlsCert === undefined && tlsKey === undefined && tlsClientCa === undefined) return undefined;
  const problems: ConfigProblem[] = [];
  const read = (variable: string, path: string | undefined, required: boolean): Buffer | undefined => {
    try {
      if (path !== undefined) return readFileSync(path);
      if (required) problems.push({ variable, got: undefined, takes: 'a PEM file, as the other GRPC_TLS_… are set' });
    } catch (error) {
      problems.push({ variable, got: path, takes: `a PEM file that can be read (${(error as Error).message})` });
    }
    return undefined;
  };
  const cert = read('GRPC_TLS_CERT', tlsCert, true);
  const key = read('GRPC_TLS_KEY', tlsKey, true);
  const clientCa = read('GRPC_TLS_CLIENT_CA', tlsClientCa, false);
  if (problems.length > 0) throw new ConfigError(problems);
  return { cert: cert!, key: key!, clientCa };
}
