import type { ExecutionContext } from '@nestjs/common';
import { EncodedReply, attachMethodDefinition } from '@rookery/contracts';
import { GetUserRequest, User, UserServiceDefinition } from '@rookery/contracts/user/v1';
import { Environment, loadConfig } from '@rookery/config';
import { type LogConfig, Metrics, createLogger } from '@rookery/observability';
import { from, lastValueFrom, of } from 'rxjs';
import { expect, it } from 'vitest';
import { AsideCache } from './aside-cache.js';
import { CacheAside, CacheEvict } from './cache-aside.decorator.js';
import { CacheAsideInterceptor } from './cache-aside.interceptor.js';
import { CacheConfig } from './cache.config.js';
import { openStore } from './open-store.js';

const tags = ({ id }: GetUserRequest) => [`user:${id}`];

class Handlers {
  @CacheAside<GetUserRequest>({ key: ({ id }) => id, tags })
  get(): void {}
  @CacheEvict<GetUserRequest>({ tags })
  change(): void {}
  @CacheAside<GetUserRequest>({ key: ({ id }) => id })
  stream(): void {}
}

function setUp() {
  const [config] = loadConfig([CacheConfig], new Environment({}));
  const logger = createLogger({ level: 'silent', format: 'json' } as LogConfig, 'test');
  const cache = new AsideCache(openStore(config, 'test', logger).store, config, 'test', new Metrics(), logger);
  const interceptor = new CacheAsideInterceptor(cache);
  const { get, change } = Handlers.prototype;
  for (const handler of [get, change]) attachMethodDefinition(handler, UserServiceDefinition.methods.getUser as never);
  const contextOf = (handler: () => void) =>
    ({
      getHandler: () => handler,
      getArgByIndex: () => ({ id: '1' }),
    }) as unknown as ExecutionContext;
  const read = async (name: string) => {
    const handle = () => of(User.fromPartial({ id: '1', name }));
    const reply = await lastValueFrom(interceptor.intercept(contextOf(get), { handle }));
    return User.decode((reply as EncodedReply).bytes).name;
  };
  return {
    interceptor,
    contextOf,
    read,
    evict: (work: Promise<unknown>) => interceptor.intercept(contextOf(change), { handle: () => from(work) }),
  };
}

it('answers with the encoded reply until it is evicted', async () => {
  const { read, evict } = setUp();
  expect([await read('first'), await read('second')]).toEqual(['first', 'first']);
  await lastValueFrom(evict(Promise.resolve({})));
  expect(await read('third')).toBe('third');
});

it('evicts although the caller has left before the change was made', async () => {
  const { read, evict } = setUp();
  await read('first');
  let commit = (_reply: unknown) => {};
  evict(new Promise((resolve) => (commit = resolve)))
    .subscribe()
    .unsubscribe();
  commit({});
  await expect.poll(() => read('second')).toBe('second');
});

it('evicts although the handler failed: its change may have been made', async () => {
  const { read, evict } = setUp();
  await read('first');
  await expect(lastValueFrom(evict(Promise.reject(new Error('the answer was lost'))))).rejects.toThrow('lost');
  expect(await read('second')).toBe('second');
});

it('refuses a handler of a stream, by the name of its RPC', () => {
  const { interceptor, contextOf } = setUp();
  const { stream } = Handlers.prototype;
  attachMethodDefinition(stream, UserServiceDefinition.methods.streamUsers as never);
  expect(() => interceptor.intercept(contextOf(stream), { handle: () => of() })).toThrow(/StreamUsers.*unary/);
});
