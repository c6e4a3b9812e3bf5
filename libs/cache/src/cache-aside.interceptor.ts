import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import { durationToMs } from '@rookery/config';
import { EncodedReply, methodDefinitionOf, schemaName } from '@rookery/contracts';
import { type Observable, from, lastValueFrom, of } from 'rxjs';
import { AsideCache } from './aside-cache.js';
import { CACHE_ASIDE, CACHE_EVICT, type CacheAsideOptions, type CacheEvictOptions } from './cache-aside.metadata.js';

/** What a handler's decorators come to. */
type Plan = (request: unknown, next: CallHandler) => Observable<unknown>;

/** Does what `@CacheAside` and `@CacheEvict` on a handler say. */
@Injectable()
export class CacheAsideInterceptor implements NestInterceptor {
  private readonly plans = new WeakMap<object, Plan>();

  constructor(private readonly cache: AsideCache) {}

  /** @throws {TypeError} when the handler serves a stream */
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const handler = context.getHandler();
    let plan = this.plans.get(handler);
    if (!plan) this.plans.set(handler, (plan = this.planOf(handler)));
    return plan(context.getArgByIndex(0), next);
  }

  /** Whatever is the same for all calls is found out here, once. */
  private planOf(handler: object): Plan {
    const aside = Reflect.getMetadata(CACHE_ASIDE, handler) as CacheAsideOptions<unknown> | undefined;
    const evict = Reflect.getMetadata(CACHE_EVICT, handler) as CacheEvictOptions<unknown> | undefined;
    const cached = aside ? this.aside(handler, aside) : (_: unknown, next: CallHandler) => next.handle();
    if (!evict) return cached;
    return (request, next) => from(this.evict(evict, request, { handle: () => cached(request, next) }));
  }

  private aside(handler: object, { key, ttl, staleFor, tags }: CacheAsideOptions<unknown>): Plan {
    const definition = methodDefinitionOf(handler);
    if (!definition) return (_, next) => next.handle();
    const { name, requestStream, responseStream, responseType } = definition;
    if (requestStream || responseStream) throw new TypeError(`@CacheAside on ${name}: it takes unary RPCs only`);
    const prefix = `${schemaName(responseType)}:`;
    const fresh = ttl === undefined ? undefined : durationToMs(ttl);
    const stale = staleFor === undefined ? undefined : durationToMs(staleFor);
    const encode = (reply: unknown) =>
      reply instanceof EncodedReply ? reply.bytes : responseType.encode(reply).finish();
    return (request, next) => {
      const load = async () => encode(await lastValueFrom(next.handle()));
      const reply = this.cache.find(prefix + key(request), load, tags?.(request), fresh, stale);
      return reply instanceof Promise ? from(reply.then(encoded)) : of(encoded(reply));
    };
  }

  /** A promise, so that it goes on when the caller leaves; and after a failure too, which may have come after a commit. */
  private async evict({ tags }: CacheEvictOptions<unknown>, request: unknown, next: CallHandler): Promise<unknown> {
    try {
      return await lastValueFrom(next.handle());
    } finally {
      await this.cache.invalidate(tags(request));
    }
  }
}

function encoded(bytes: Uint8Array): EncodedReply {
  return new EncodedReply(bytes);
}
