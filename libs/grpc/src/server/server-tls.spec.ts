import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError } from '@rookery/config';
import { afterAll, expect, it } from 'vitest';
import type { GrpcConfig } from '../grpc.config.js';
import { readServerTls } from './server-tls.js';

const folder = mkdtempSync(join(tmpdir(), 'rookery-tls-'));
const file = join(folder, 'some.pem');
writeFileSync(file, 'PEM');
afterAll(() => rmSync(folder, { recursive: true }));

const read = (config: Partial<GrpcConfig>) => readServerTls(config as GrpcConfig);

function problemsOf(config: Partial<GrpcConfig>): string[] {
  try {
    read(config);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(({ variable }) => variable);
    throw error;
  }
  return [];
}

it('speaks plain text when nothing is set', () => {
  expect(read({})).toBeUndefined();
});

it('reads the files that are named', () => {
  const pem = Buffer.from('PEM');
  expect(read({ tlsCert: file, tlsKey: file })).toEqual({ cert: pem, key: pem, clientCa: undefined });
  expect(read({ tlsCert: file, tlsKey: file, tlsClientCa: file })).toEqual({ cert: pem, key: pem, clientCa: pem });
});

it('names what is missing and what cannot be read, all at once', () => {
  expect(problemsOf({ tlsCert: file })).toEqual(['GRPC_TLS_KEY']);
  expect(problemsOf({ tlsClientCa: file })).toEqual(['GRPC_TLS_CERT', 'GRPC_TLS_KEY']);
  const nowhere = join(folder, 'nowhere.pem');
  expect(problemsOf({ tlsCert: nowhere, tlsKey: file, tlsClientCa: nowhere })).toEqual([
    'GRPC_TLS_CERT',
    'GRPC_TLS_CLIENT_CA',
  ]);
});
