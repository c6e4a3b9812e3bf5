import { AsyncLocalStorage } from 'node:async_hooks';
import { type CallContext, callContext } from '@rookery/context';
import { openTransaction } from './open-transaction.js';
import type { Replica } from './replica.js';

/** One piece of work that only reads. All of its statements go to one replica, so that it never goes back in time. */
export interface ReadScope {
  replica?: Replica;
}

/** A scope, with the call that it was entered in. A load of the cache, which serves others too, is a call of its own. */
interface Entered {
  readonly scope: ReadScope;
  readonly call: CallContext | undefined;
}

/** Metadata of the methods that are marked. `@rookery/cache`, which must not import this lib, looks for it. */
const READ_ONLY = 'rookery:read-only';

const storage = new AsyncLocalStorage<Entered | undefined>();

/** Set while the current code is known to only read. */
export function readScope(): ReadScope | undefined {
  const entered = storage.getStore();
  return entered && entered.call === callContext() ? entered.scope : undefined;
}

/** Runs `work`, which may change something, although it is part of something that only reads. */
export function mayWrite<T>(work: () => T): T {
  return storage.getStore() ? storage.run(undefined, work) : work();
}

/** Runs `work`, which only reads. Within a transaction that means nothing: there the primary decides. */
export function readOnly<T>(work: () => T, scope: ReadScope = readScope() ?? {}): T {
  return openTransaction() ? work() : storage.run({ scope, call: callContext() }, work);
}

/**
 * Marks a method, of a handler or of a provider, that reads and can bear to read what was true a moment ago: its
 * statements go to a replica where there is one (DATABASE_REPLICA_URLS), those that write are refused, and a read that fails
 * because its connection broke is repeated. For methods that give a promise or an AsyncIterable.
 */
export function ReadOnly(): MethodDecorator {
  return (_target: object, _name: string | symbol, descriptor: PropertyDescriptor) => {
    const method = descriptor.value as (...args: unknown[]) => unknown;
    const marked = function (this: unknown, ...args: unknown[]) {
      const scope = readScope() ?? {};
      const result = readOnly(() => method.apply(this, args), scope);
      return isAsyncIterable(result) ? readingIn(scope, result) : result;
    };
    // What is written on the function (Nest's metadata, how many parameters it has) is read from this one now.
    for (const key of ['name', 'length'] as const) {
      Object.defineProperty(marked, key, { value: method[key], configurable: true });
    }
    for (const key of Reflect.getOwnMetadataKeys(method)) {
      Reflect.defineMetadata(key, Reflect.getOwnMetadata(key, method), marked);
    }
    Reflect.defineMetadata(READ_ONLY, true, marked);
    descriptor.value = marked;
  };
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof (value as Partial<AsyncIterable<unknown>> | undefined)?.[Symbol.asyncIterator] === 'function';
}

/** A generator runs in the context of whoever asks it for the next value, not of whoever made it. */
function readingIn<T>(scope: ReadScope, iterable: AsyncIterable<T>): AsyncIterableIterator<T> {
  const iterator = iterable[Symbol.asyncIterator]();
  return {
    next: () => readOnly(() => iterator.next(), scope),
    return: async (value?: unknown) => (await iterator.return?.(value)) ?? { done: true, value: undefined },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
