import { Environment } from '@rookery/config';
import { expect, it } from 'vitest';
import { environmentOf, originOf } from './environment-view.js';

const SERVICES = ['user-service', 'order-service'];
const view = (service: string, variables: Record<string, string>) =>
  environmentOf(service, new Environment(variables), SERVICES);

it('gives a service its own variables and the shared ones', () => {
  const user = view('user-service', { LOG_LEVEL: 'info', USER_SERVICE_LOG_LEVEL: 'debug', REDIS_URL: 'redis://h' });
  expect(user.get('LOG_LEVEL')).toBe('debug');
  expect(user.get('REDIS_URL')).toBe('redis://h');
});

it('shares neither database nor ports', () => {
  const user = view('user-service', { DATABASE_URL: 'postgres://all', GRPC_PORT: '1', USER_SERVICE_HTTP_PORT: '2' });
  expect(user.get('DATABASE_URL')).toBeUndefined();
  expect(user.get('GRPC_PORT')).toBeUndefined();
  expect(user.get('HTTP_PORT')).toBe('2');
});

it('tells the others where a service with another port is', () => {
  expect(view('order-service', { USER_SERVICE_GRPC_PORT: '7' }).get('USER_SERVICE_URL')).toBe('127.0.0.1:7');
  const given = { USER_SERVICE_GRPC_PORT: '7', USER_SERVICE_URL: 'elsewhere:1' };
  expect(view('order-service', given).get('USER_SERVICE_URL')).toBe('elsewhere:1');
});

it('exchanges events in the process unless there is a NATS', () => {
  expect(view('user-service', {}).get('NATS_URL')).toBe('memory://platform');
  expect(view('user-service', { NATS_URL: 'nats://h' }).get('NATS_URL')).toBe('nats://h');
});

it('is never in process in production', () => {
  expect(view('user-service', { NODE_ENV: 'production' }).get('NATS_URL')).toBeUndefined();
});

it('knows which variable a value comes from', () => {
  const origin = (variable: string, variables = {}) => originOf('user-service', variable, new Environment(variables));
  expect(origin('GRPC_PORT')).toBe('USER_SERVICE_GRPC_PORT');
  expect(origin('LOG_LEVEL')).toBe('LOG_LEVEL');
  expect(origin('LOG_LEVEL', { USER_SERVICE_LOG_LEVEL: 'loud' })).toBe('USER_SERVICE_LOG_LEVEL');
});
