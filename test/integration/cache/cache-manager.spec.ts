import { CACHE_MANAGER, type Cache } from '@nestjs/cache-manager';
import { Global, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { AsideCache, CacheConfig, CacheModule } from '@rookery/cache';
import { Environment, loadConfig } from '@rookery/config';
import { ObservabilityModule } from '@rookery/observability';
import pino from 'pino';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { OwnRedis, Replica, bytes, newService } from './cache.fixture.js';

let redis: OwnRedis;
const closing: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  redis = await OwnRedis.reserve();
  redis.start();
});
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
  await redis.stop();
});

/** A service that has a cache and nothing else. */
async function openService(name: string) {
  const [config] = loadConfig([CacheConfig], new Environment({ REDIS_URL: redis.url, CACHE_TIMEOUT: '500ms' }));
  @Global()
  @Module({ providers: [{ provide: CacheConfig, useValue: config }], exports: [CacheConfig] })
  class Configured {}
  const module = await Test.createTestingModule({
    imports: [Configured, ObservabilityModule.register(pino({ level: 'silent' })), CacheModule.register(name)],
  }).compile();
  await module.init();
  const aside = module.get(AsideCache);
  const isUp = () =>
    aside.dependency.check().then(
      ({ up }) => up,
      () => false,
    );
  await expect.poll(isUp).toBe(true);
  return { aside, manager: module.get<Cache>(CACHE_MANAGER), close: () => module.close() };
}

it('keeps what Nest’s CACHE_MANAGER has of one service from the others, and from the entries of its own', async () => {
  const [users, orders] = [await openService(newService()), await openService(newService())];
  closing.push(users.close, orders.close);
  await users.manager.set('settings', { of: 'users' }, 60_000);
  expect(await users.manager.get('settings')).toEqual({ of: 'users' });
  expect(await orders.manager.get('settings')).toBeUndefined();

  await orders.manager.set('settings', { of: 'orders' }, 60_000);
  const get = (value: string) => users.aside.getOrLoad('k', async () => bytes(value), { tags: ['t'] }).then(String);
  await get('kept');
  await users.manager.clear();
  expect(await users.manager.get('settings')).toBeUndefined();
  expect(await orders.manager.get('settings')).toEqual({ of: 'orders' });
  expect(await get('loaded again')).toBe('kept');
});

it('sends a stopping service’s last invalidations, though Nest closes its own cache first', async () => {
  const service = newService();
  const [stopping, other] = [await openService(service), await Replica.open(service, { REDIS_URL: redis.url })];
  closing.push(() => other.cache.close());
  const get = (value: string) => other.cache.getOrLoad('k', async () => bytes(value), { tags: ['t'] }).then(String);
  await get('old');
  redis.freeze();
  await stopping.aside.getOrLoad('other', async () => bytes('without the cache'));
  await stopping.aside.invalidate(['t']);
  redis.thaw();
  await stopping.close();
  expect(await get('new')).toBe('new');
});
