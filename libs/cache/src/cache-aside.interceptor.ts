import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import { EncodedReply, methodDefinitionOf, schemaName } from '@rookery/contracts';
import { Logger } from '@rookery/observability';
import { type Observable, from, lastValueFrom, of } from 'rxjs';
import { AsideCache } from './aside-cache.js';
import { CACHE_ASIDE, CACHE_EVICT, type CacheAsideOptions, type CacheEvictOptions } from './cache-aside.metadata.js';
import { lifeOf } from './life.js';

/** What a handler's decorators come to. */
type Plan = (request: unknown, next: CallHandler) => Observable<unknown>;

/** Does what `@CacheAside` and `@CacheEvict` on a handler say. */
@Injectable()
export class CacheAsideInterceptor implements NestInterceptor {
  private readonly plans = new WeakMap<object, Plan>();

  constructor(
    private readonly cache: AsideCache,
    private readonly logger: Logger,
  ) {}

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
    // `CachedHandlers` has seen to it that there is one.
    const { name, responseType } = methodDefinitionOf(handler)!;
    const prefix = `${schemaName(responseType)}:${name}:`;
    const [fresh, stale] = [lifeOf('ttl', ttl), lifeOf('staleFor', staleFor)];
    const encode = (reply: unknown) =>
      reply instanceof EncodedReply ? reply.bytes : responseType.encode(reply).finish();
    return (request, next) => {
      let named: { key: string; tags: string[] | undefined };
      try {
        named = { key: prefix + key(request), tags: tags?.(request) };
      } catch (error) {
        // The request is not validated yet: the handler's answer says what is wrong with it.
        this.logger.debug({ error, method: name }, 'a request has no key, so it is not answered from the cache');
        return next.handle();
      }
      const load = async () => encode(await lastValueFrom(next.handle()));
      const reply = this.cache.find(named.key, load, named.tags, fresh, stale);
      return reply instanceof Promise ? from(reply.then(encoded)) : of(encoded(reply));
    };
  }

  /** A promise, so that it goes on when the caller leaves; and after a failure too, which may have come after a commit. */
  private async evict({ tags }: CacheEvictOptions<unknown>, request: unknown, next: CallHandler): Promise<unknown> {
    try {
      return await lastValueFrom(next.handle());
    } finally {
      await this.invalidate(() => tags(request));
    }
  }

  /** Whatever becomes of it, the caller gets the handler's outcome. */
  private async invalidate(tags: () => string[]): Promise<void> {
    let named: string[];
    try {
      named = tags();
    } catch (error) {
      // Mostly of a request that was refused as invalid, and has changed nothing.
      this.logger.warn({ error }, '@CacheEvict could not name the tags of a request; nothing is invalidated');
      return;
    }
    try {
      await this.cache.invalidate(named);
    } catch (error) {
      this.logger.error(
        { error },
        '@CacheEvict named a tag that is none; what it is about may be served until its TTL ends',
      );
    }
  }
}

function encoded(bytes: Uint8Array): EncodedReply {
  return new EncodedReply(bytes);
}
