import { Injectable, type OnModuleInit } from '@nestjs/common';
import { DiscoveryService, MetadataScanner } from '@nestjs/core';
import { methodDefinitionOf } from '@rookery/contracts';
import { CACHE_ASIDE, CACHE_EVICT } from './cache-aside.metadata.js';

const DECORATORS = [
  ['@CacheAside', CACHE_ASIDE],
  ['@CacheEvict', CACHE_EVICT],
] as const;

/** What `@ReadOnly` of `@rookery/database`, which is no floor below, writes on a method. */
const READ_ONLY = 'rookery:read-only';

/** Refuses the decorators where they could not do what they say, when the application starts. */
@Injectable()
export class CachedHandlers implements OnModuleInit {
  private readonly scanner = new MetadataScanner();

  constructor(private readonly discovery: DiscoveryService) {}

  /** @throws {TypeError} */
  onModuleInit(): void {
    for (const { metatype } of this.discovery.getControllers()) this.check(metatype, true);
    for (const { metatype } of this.discovery.getProviders()) this.check(metatype, false);
  }

  private check(type: unknown, isController: boolean): void {
    const prototype = typeof type === 'function' ? (type.prototype as Record<string, object> | undefined) : undefined;
    if (!prototype) return;
    for (const method of this.scanner.getAllMethodNames(prototype)) {
      for (const [decorator, key] of DECORATORS) {
        if (!Reflect.hasMetadata(key, prototype[method]!)) continue;
        const where = `${decorator} on ${(type as { name: string }).name}.${method}`;
        if (!isController) throw new TypeError(`${where}: it is for handlers in controllers, nothing calls it here`);
        const rpc = methodDefinitionOf(prototype[method]!);
        if (!rpc && key === CACHE_ASIDE) throw new TypeError(`${where}: it is for the RPCs of a @GrpcController`);
        if (key === CACHE_ASIDE && Reflect.hasMetadata(READ_ONLY, prototype[method]!)) {
          const why = 'a replica may be behind, and an old row would be kept as the current one';
          throw new TypeError(`${where}: it cannot be @ReadOnly() as well: ${why}; remove one of the two`);
        }
        if (rpc?.requestStream || rpc?.responseStream) {
          const instead = 'call AsideCache in the service that does the work';
          throw new TypeError(`${where}: it is for unary RPCs, and ${rpc.name} is a stream; ${instead}`);
        }
      }
    }
  }
}
