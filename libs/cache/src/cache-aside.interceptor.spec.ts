import type { ExecutionContext } from '@nestjs/common';
import { EncodedReply, attachMethodDefinition } from '@rookery/contracts';
import { GetUserRequest, User, UserServiceDefinition } from '@rookery/contracts/user/v1';
import { Environment, loadConfig } from '@rookery/config';
import { InvalidArgument } from '@rookery/errors';
import { type LogConfig, Metrics, createLogger } from '@rookery/observability';
import { type Observable, from, lastValueFrom, of, throwError } from 'rxjs';
import { describe, expect, it, vi } from 'vitest';
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
  @CacheEvict<GetUserRequest>({ tags: (request) => [(request as { email?: string }).email!, ...tags(request)] })
  changeMuch(): void {}
  /** Another RPC with the same reply type and the same text as its key. */
  @CacheAside<GetUserRequest>({ key: ({ id }) => id })
  find(): void {}
  @CacheAside<{ user: { id: string } }>({ key: ({ user }) => user.id })
  getNested(): void {}
  @CacheEvict<{ user: { id: string } }>({ tags: ({ user }) => [user.id] })
  changeNested(): void {}
}

function setUp() {
  const [config] = loadConfig([CacheConfig], new Environment({}));
  const logger = createLogger({ level: 'silent', format: 'json' } as LogConfig, 'test');
  const cache = new AsideCache(openStore(config, 'test', logger).store, config, 'test', new Metrics(), logger);
  const interceptor = new CacheAsideInterceptor(cache, logger);
  const { get, change, changeMuch, find, getNested, changeNested } = Handlers.prototype;
  const { getUser } = UserServiceDefinition.methods;
  for (const handler of [get, change, changeMuch, getNested, changeNested])
    attachMethodDefinition(handler, getUser as never);
  attachMethodDefinition(find, { ...getUser, name: 'FindUser' } as never);
  const contextOf = (handler: () => void) =>
    ({
      getHandler: () => handler,
      getArgByIndex: () => ({ id: '1' }),
    }) as unknown as ExecutionContext;
  const read = async (name: string, handler = get) => {
    const handle = () => of(User.fromPartial({ id: '1', name }));
    const reply = await lastValueFrom(interceptor.intercept(contextOf(handler), { handle }));
    return User.decode((reply as EncodedReply).bytes).name;
  };
  return {
    interceptor,
    logger,
    contextOf,
    read,
    evict: (work: Promise<unknown>, handler = change) =>
      interceptor.intercept(contextOf(handler), { handle: () => from(work) }),
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

it.each([
  ['reply', () => Promise.resolve('reply'), 'reply'],
  ['failure', () => Promise.reject(new Error('the answer was lost')), 'the answer was lost'],
])('leaves the handler’s %s as it is, and evicts what it can, when a tag is none', async (_what, work, outcome) => {
  const { read, evict, logger } = setUp();
  const errors = vi.spyOn(logger, 'error');
  await read('first');
  const ended = lastValueFrom(evict(work(), Handlers.prototype.changeMuch));
  expect(await ended.catch((error: Error) => error.message)).toBe(outcome);
  expect(await read('second')).toBe('second');
  expect(errors).toHaveBeenCalledWith({ error: new TypeError('a tag is a string, not undefined') }, expect.anything());
});

it('keeps the replies of two RPCs apart though they have one type and one key', async () => {
  const { read } = setUp();
  const { get, find } = Handlers.prototype;
  expect([await read('got', get), await read('found', find)]).toEqual(['got', 'found']);
  expect([await read('x', get), await read('x', find)]).toEqual(['got', 'found']);
});

describe('a request that has no key or no tags, for it is not validated yet,', () => {
  const { getNested, changeNested } = Handlers.prototype;

  it.each([
    ['@CacheAside', getNested],
    ['@CacheEvict', changeNested],
  ])('gets the handler’s answer: %s', async (_decorator, handler) => {
    const { interceptor, contextOf } = setUp();
    const invalid = () => throwError(() => new InvalidArgument('user is required', { violations: [] }));
    const call = (handle: () => Observable<unknown>) =>
      lastValueFrom(interceptor.intercept(contextOf(handler), { handle }));
    await expect(call(invalid)).rejects.toThrow('user is required');
    expect(await call(() => of('reply'))).toBe('reply');
  });
});

it.each([{ ttl: '5 minuts' }, { staleFor: 'one minute' }])('refuses %o when it is imported', (times) => {
  expect(() => CacheAside<GetUserRequest>({ key: ({ id }) => id, ...times })).toThrow(/duration.*minut/);
});
