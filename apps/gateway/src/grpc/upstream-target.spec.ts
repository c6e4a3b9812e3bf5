import { type DescService } from '@bufbuild/protobuf';
import { Environment } from '@rookery/config';
import { describe, expect, it } from 'vitest';
import { buildDescriptors } from '../descriptors/build-descriptors.fixture.js';
import { protoOf } from '../descriptors/library.fixture.js';
import { ApiRegistry } from '../descriptors/registry.js';
import { upstreamTarget } from './upstream-target.js';

const rpc = 'rpc Get(Thing) returns (Thing) { option (google.api.http) = {get: "/v1/things/{id}"}; }';
const [service] = new ApiRegistry(buildDescriptors({ 'thing/v1/thing.proto': protoOf(rpc) })).services as [DescService];

const target = (host: string | undefined, variables: Record<string, string> = {}) =>
  upstreamTarget(service, host, new Environment(variables));

describe('upstreamTarget', () => {
  it('comes from default_host: this machine in development, DNS in production', () => {
    expect(target('user-service:50051')).toEqual({
      name: 'user-service',
      variable: 'USER_SERVICE_URL',
      target: '127.0.0.1:50051',
    });
    expect(target('user-service:50051', { NODE_ENV: 'production' })).toMatchObject({
      target: 'dns:///user-service:50051',
    });
  });

  it.each([
    ['user-service:1', 'USER_SERVICE_URL'],
    ['billing:1', 'BILLING_SERVICE_URL'],
    ['stock-keeping-service:1', 'STOCK_KEEPING_SERVICE_URL'],
    ['pubsub.example.com:1', 'PUBSUB_SERVICE_URL'],
    [undefined, 'THING_SERVICE_URL'],
  ])('%s is %s', (host, variable) => expect(target(host)).toMatchObject({ variable }));

  it.each(['dns:///users:50051', 'users:50051', '10.0.0.1:50051', '[::1]:50051', 'unix:/tmp/users.sock'])(
    'takes %s from the variable',
    (url) => expect(target('user-service:50051', { USER_SERVICE_URL: url })).toMatchObject({ target: url }),
  );

  it.each(['http://users:50051', 'users', 'users:', 'a b:1'])('refuses %s', (url) => {
    const problem = { variable: 'USER_SERVICE_URL', got: url, takes: expect.stringContaining('dns:///') };
    expect(target('user-service:50051', { USER_SERVICE_URL: url })).toEqual(problem);
  });

  it('needs the variable when there is no default_host with a port', () => {
    const problem = {
      variable: 'THING_SERVICE_URL',
      got: undefined,
      takes: expect.stringContaining('thing.v1.ThingService'),
    };
    expect(target(undefined)).toEqual(problem);
    expect(target('thing')).toEqual(problem);
    expect(target(undefined, { THING_SERVICE_URL: 'a:1' })).toMatchObject({ name: 'thing', target: 'a:1' });
  });
});
