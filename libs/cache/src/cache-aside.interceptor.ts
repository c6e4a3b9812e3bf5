import { createHash } from 'node:crypto';
import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { durationToMs } from '@rookery/config';
import { EncodedReply, type MethodDefinition, methodDefinitionOf } from '@rookery/contracts';
import { type Observable, from, lastValueFrom } from 'rxjs';
import { AsideCache } from './aside-cache.js';
import { CACHE_ASIDE, CACHE_EVICT, type CacheAsideOptions, type CacheEvictOptions } from './cache-aside.decorator.js';

/** Longer keys are stored by their hash: whoever chooses a request must not choose how much memory its key takes. */
const LONGEST_KEY = 200;

/** Does what `@CacheAside` and `@CacheEvict` on a handler say. */
@Injectable()
export class CacheAsideInterceptor implements NestInterceptor {
  constructor(
    private readonly cache: AsideCache,
    private readonly reflector: Reflector,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const handler = context.getHandler();
    const definition = methodDefinitionOf(handler);
    if (!definition) return next.handle();
    const request: unknown = context.switchToRpc().getData();
    const aside = this.reflector.get<CacheAsideOptions<unknown> | undefined>(CACHE_ASIDE, handler);
    if (aside) return from(this.load(aside, definition, request, next));
    const evict = this.reflector.get<CacheEvictOptions<unknown> | undefined>(CACHE_EVICT, handler);
    if (!evict) return next.handle();
    return from(this.evict(evict, request, next));
  }

  /** A promise, so that it goes on when the caller leaves; and after a failure too, which may have come after a commit. */
  private async evict({ tags }: CacheEvictOptions<unknown>, request: unknown, next: CallHandler): Promise<unknown> {
    try {
      return await lastValueFrom(next.handle());
    } finally {
      await this.cache.invalidate(tags(request));
    }
  }

  private async load(
    { key, ttl, tags }: CacheAsideOptions<unknown>,
    definition: MethodDefinition,
    request: unknown,
    next: CallHandler,
  ): Promise<EncodedReply> {
    const load = async () => encoded(definition, await lastValueFrom(next.handle()));
    const options = { ttl: ttl === undefined ? undefined : durationToMs(ttl), tags: tags?.(request) };
    return new EncodedReply(await this.cache.getOrLoad(nameOf(definition, key(request)), load, options));
  }
}

/** The schema's name is part of the key: a value is only ever read as what it was written. */
function nameOf({ responseType }: MethodDefinition, key: string): string {
  const short = key.length <= LONGEST_KEY ? key : createHash('sha256').update(key).digest('base64url');
  return `${responseType.$type}:${short}`;
}

function encoded({ responseType }: MethodDefinition, reply: unknown): Uint8Array {
  return reply instanceof EncodedReply ? reply.bytes : responseType.encode(reply).finish();
}
