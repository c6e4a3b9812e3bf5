import { ConfigError, Environment } from '@rookery/config';
import { describe, expect, it } from 'vitest';
import { serviceNameOf, targetOf } from './target.js';

const THING = 'thing.v1.ThingService';
const target = (defaultHost: string | undefined, variables: Record<string, string> = {}) =>
  targetOf({ fullName: THING, defaultHost }, new Environment(variables));

function problem(defaultHost: string | undefined, variables: Record<string, string> = {}) {
  try {
    target(defaultHost, variables);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems[0];
  }
  throw new Error('it was accepted');
}

describe('the target of a service', () => {
  it('comes from default_host: this machine in development, DNS and the container’s port in production', () => {
    expect(target('order-service:50052')).toBe('127.0.0.1:50052');
    expect(target('order-service:50052', { NODE_ENV: 'production' })).toBe('dns:///order-service:50051');
  });

  it('is that of the workspace’s protos for its own services', () => {
    expect(targetOf({ fullName: 'order.v1.OrderService' }, new Environment({}))).toBe('127.0.0.1:50052');
    expect(serviceNameOf({ fullName: 'order.v1.OrderService' })).toBe('order-service');
  });

  it.each([
    ['user-service:1', 'USER_SERVICE_URL'],
    ['billing:1', 'BILLING_SERVICE_URL'],
    ['stock-keeping-service:1', 'STOCK_KEEPING_SERVICE_URL'],
    ['pubsub.example.com:1', 'PUBSUB_SERVICE_URL'],
    [undefined, 'THING_SERVICE_URL'],
  ])('of %s is set by %s', (host, variable) => expect(target(host, { [variable]: 'here:1' })).toBe('here:1'));

  it.each(['dns:///users:50051', 'users:50051', '10.0.0.1:50051', '[::1]:50051', 'unix:/tmp/users.sock'])(
    'may be %s',
    (url) => expect(target('user-service:50051', { USER_SERVICE_URL: url })).toBe(url),
  );

  it.each(['http://users:50051', 'users', 'users:', 'a b:1'])('is not %s', (url) => {
    const expected = { variable: 'USER_SERVICE_URL', got: url, takes: expect.stringContaining('dns:///') };
    expect(problem('user-service:50051', { USER_SERVICE_URL: url })).toEqual(expected);
  });

  it('must be set when there is no default_host with a port', () => {
    const expected = { variable: 'THING_SERVICE_URL', got: undefined, takes: expect.stringContaining(THING) };
    expect(problem(undefined)).toEqual(expected);
    expect(problem('thing')).toEqual(expected);
  });
});
