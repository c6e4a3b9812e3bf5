import { Environment, loadConfig } from '@rookery/config';
import { expect, it } from 'vitest';
import { GrpcConfig } from './grpc.config.js';
import { DEFAULT_LIMITS } from './server/grpc-limits.js';

it('allows by default what a server without configuration allows', () => {
  const [config] = loadConfig([GrpcConfig], new Environment({}));
  expect(config).toMatchObject(DEFAULT_LIMITS);
});
