import type { ServiceClient, ServiceDefinition } from '@rookery/contracts';
import { type CallOptions, type MethodsOptions, clientOn } from '@rookery/grpc';
import { type FakeMethods, fake } from './fake.js';
import { fakeChannel } from './fake-channel.js';

/**
 * A typed client of a service that the test makes up, without a socket. Everything of it is the real client but the
 * connection: messages go through their codecs, errors come as the caller of a service gets them, deadlines, signals and
 * metadata work. Retries are the connection's, so there are none.
 * @param options timeouts, as for a real client; none by default
 */
export function fakeClient<D extends ServiceDefinition>(
  service: D,
  methods: FakeMethods<D>,
  options: MethodsOptions<D> = {},
): ServiceClient<D, CallOptions> {
  return clientOn(fakeChannel(fake(service, methods)), service, options);
}
