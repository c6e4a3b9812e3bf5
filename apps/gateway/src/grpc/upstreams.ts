import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { type DescService } from '@bufbuild/protobuf';
import { Environment } from '@rookery/config';
import { DependencyRegistry } from '@rookery/observability';
import { ApiRegistry } from '../descriptors/registry.js';
import { Upstream } from './upstream.js';
import { type UpstreamTarget, upstreamTargets } from './upstream-target.js';

/** A probe waits no longer for a connection, in milliseconds. */
const PROBE_TIMEOUT = 500;

/** The services behind the gateway, one channel each. */
@Injectable()
export class Upstreams implements OnApplicationShutdown {
  private readonly byName = new Map<string, Upstream>();
  private readonly byService = new Map<DescService, Upstream>();

  /** @throws {ConfigError} with every service whose target is unknown or unusable */
  constructor(api: ApiRegistry, environment: Environment, dependencies: DependencyRegistry) {
    const targets = upstreamTargets(api, environment);
    for (const [service, target] of targets) this.byService.set(service, this.open(target, dependencies));
  }

  private open({ name, target }: UpstreamTarget, dependencies: DependencyRegistry): Upstream {
    const known = this.byName.get(name);
    if (known) return known;
    const upstream = new Upstream(name, target);
    this.byName.set(name, upstream);
    // Not critical: without one service the gateway still serves the others.
    dependencies.register({
      name,
      critical: false,
      check: async () => {
        const up = await upstream.reachable(PROBE_TIMEOUT);
        return { up, detail: up ? undefined : `no connection to ${target}` };
      },
    });
    return upstream;
  }

  of(service: DescService): Upstream {
    const upstream = this.byService.get(service);
    if (!upstream) throw new Error(`${service.typeName} has no REST binding, so the gateway has no channel to it`);
    return upstream;
  }

  onApplicationShutdown(): void {
    for (const upstream of this.byName.values()) upstream.close();
  }
}
