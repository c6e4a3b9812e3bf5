import { Controller, Injectable } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { attachMethodDefinition } from '@rookery/contracts';
import { UserServiceDefinition } from '@rookery/contracts/user/v1';
import { ReadOnly } from '@rookery/database';
import { Metrics, createLogger, type LogConfig, Logger } from '@rookery/observability';
import { Environment, loadConfig } from '@rookery/config';
import { expect, it } from 'vitest';
import { AsideCache } from './aside-cache.js';
import { CacheAside, CacheEvict } from './cache-aside.decorator.js';
import { CacheConfig } from './cache.config.js';
import { CachedHandlers } from './cached-handlers.js';
import { openStore } from './open-store.js';

const { getUser, streamUsers } = UserServiceDefinition.methods;
const serving = (handler: object, rpc: object) => attachMethodDefinition(handler, rpc as never);

@Controller()
class Users {
  @CacheAside({ key: () => 'k' })
  get(): void {}
  @CacheEvict({ tags: () => ['t'] })
  change(): void {}
}
serving(Users.prototype.get, getUser);
serving(Users.prototype.change, getUser);

@Controller()
class CachedStream {
  @CacheAside({ key: () => 'k' })
  list(): void {}
}
serving(CachedStream.prototype.list, streamUsers);

@Controller()
class EvictingStream {
  @CacheEvict({ tags: () => ['t'] })
  list(): void {}
}
serving(EvictingStream.prototype.list, streamUsers);

@Controller()
class NoRpc {
  @CacheAside({ key: () => 'k' })
  page(): void {}
}

@Controller()
class CachedReplica {
  @CacheAside({ key: () => 'k' })
  @ReadOnly()
  inside(): void {}
}
serving(CachedReplica.prototype.inside, getUser);

@Controller()
class ReplicaCached {
  @ReadOnly()
  @CacheAside({ key: () => 'k' })
  outside(): void {}
}
serving(ReplicaCached.prototype.outside, getUser);

@Injectable()
class Service {
  @CacheEvict({ tags: () => ['t'] })
  change(): void {}
}

/** Starts an application with these. */
async function start(controllers: (new () => object)[], providers: (new () => object)[] = []): Promise<void> {
  const logger = createLogger({ level: 'silent', format: 'json' } as LogConfig, 'test');
  const [config] = loadConfig([CacheConfig], new Environment({}));
  const cache = new AsideCache(openStore(config, 'test', logger).store, config, 'test', new Metrics(), logger);
  const module = await Test.createTestingModule({
    imports: [DiscoveryModule],
    controllers,
    providers: [
      CachedHandlers,
      { provide: AsideCache, useValue: cache },
      { provide: Logger, useValue: logger },
      ...providers,
    ],
  }).compile();
  await module.init();
  await module.close();
}

it('lets an application start that uses them as they are meant', async () => {
  await expect(start([Users])).resolves.toBeUndefined();
});

it.each([
  ['@CacheAside on a stream', [CachedStream], [], /@CacheAside on CachedStream.list: .*unary.*StreamUsers is a stream/],
  ['@CacheEvict on a stream', [EvictingStream], [], /@CacheEvict on EvictingStream.list: .*StreamUsers is a stream/],
  ['@CacheAside on what serves no RPC', [NoRpc], [], /@CacheAside on NoRpc.page: .*@GrpcController/],
  ['@CacheAside on @ReadOnly', [CachedReplica], [], /@CacheAside on CachedReplica.inside: .*@ReadOnly/],
  ['@ReadOnly on @CacheAside', [ReplicaCached], [], /@CacheAside on ReplicaCached.outside: .*@ReadOnly/],
  ['either on what is no handler', [], [Service], /@CacheEvict on Service.change: .*controllers/],
] as const)('refuses to start with %s', async (_what, controllers, providers, message) => {
  await expect(start([...controllers], [...providers])).rejects.toThrow(message);
});
