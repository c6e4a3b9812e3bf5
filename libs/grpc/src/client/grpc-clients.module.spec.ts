import { Global, Injectable, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { ConfigError, Environment, loadConfig } from '@rookery/config';
import { type UserServiceClient, UserServiceDefinition } from '@rookery/contracts/user/v1';
import { DeadlineExceeded, ResourceExhausted, Unavailable } from '@rookery/errors';
import { fake, fakeClient, serveFake } from '@rookery/testing';
import { expect, it } from 'vitest';
import { type AnyClientDeclaration, GrpcClientConfig, GrpcClients, InjectClient, clientToken } from '../index.js';

@Injectable()
class UserDirectory {
  constructor(@InjectClient(UserServiceDefinition) readonly users: UserServiceClient) {}
}

/** An application that calls user-service, with `variables` as its environment. */
function application(declaration: AnyClientDeclaration, variables: Record<string, string>) {
  const environment = new Environment(variables);
  const [config] = loadConfig([GrpcClientConfig], environment);
  @Global()
  @Module({
    providers: [
      { provide: Environment, useValue: environment },
      { provide: GrpcClientConfig, useValue: config },
    ],
    exports: [Environment, GrpcClientConfig],
  })
  class ConfigurationModule {}
  const imports = [ConfigurationModule, GrpcClients.register(declaration)];
  return Test.createTestingModule({ imports, providers: [UserDirectory] });
}

it('injects a client of the service at its target, with the limits of the options and of the configuration', async () => {
  const never = () => new Promise<never>(() => undefined);
  const served = await serveFake(
    fake(UserServiceDefinition, {
      getUser: ({ id }) => ({ id, name: 'n'.repeat(id === 'large' ? 5_000 : 5) }),
      updateUser: never,
      deleteUser: never,
    }),
  );
  const module = await application(
    {
      service: UserServiceDefinition,
      timeout: undefined,
      methods: { getUser: { timeout: '10s' }, updateUser: { timeout: '20ms' } },
    },
    { USER_SERVICE_URL: served.target, GRPC_CLIENT_TIMEOUT: '30ms', GRPC_CLIENT_MAX_MESSAGE_BYTES: '4000' },
  ).compile();
  const { users } = module.get(UserDirectory);
  expect(await users.getUser({ id: 'u-1' })).toMatchObject({ id: 'u-1' });
  await expect(users.updateUser({})).rejects.toThrow(new DeadlineExceeded('user-service did not answer within 20 ms.'));
  await expect(users.deleteUser({})).rejects.toThrow(new DeadlineExceeded('user-service did not answer within 30 ms.'));
  await expect(users.getUser({ id: 'large' })).rejects.toThrow(ResourceExhausted);
  await module.close();
  await expect(users.getUser({ id: 'u-1' })).rejects.toThrow(Unavailable);
  served.close();
});

it('gives way to a fake in a test', async () => {
  const module = await application(UserServiceDefinition, {})
    .overrideProvider(clientToken(UserServiceDefinition))
    .useValue(fakeClient(UserServiceDefinition, { getUser: async ({ id }) => ({ id, name: 'Ada' }) }))
    .compile();
  expect(await module.get(UserDirectory).users.getUser({ id: 'u-1' })).toMatchObject({ id: 'u-1', name: 'Ada' });
  await module.close();
});

it('stops the start of an application whose options or variables are wrong', async () => {
  const hedge = { delay: '10ms' };
  const hedged = { service: UserServiceDefinition, methods: { createUser: { hedge } } };
  await expect(application(hedged, {}).compile()).rejects.toThrow('user.v1.UserService/CreateUser cannot be hedged');
  const unreadable = { GRPC_CLIENT_TLS: 'true', GRPC_CLIENT_TLS_CA: '/no/such/ca.pem' };
  await expect(application(UserServiceDefinition, unreadable).compile()).rejects.toThrow(ConfigError);
});
