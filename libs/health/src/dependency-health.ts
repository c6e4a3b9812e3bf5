import { Injectable } from '@nestjs/common';
import {
  HealthCheckService,
  type HealthCheckResult,
  HealthIndicatorService,
  type HealthIndicatorResult,
} from '@nestjs/terminus';
import { type Dependency, DependencyRegistry } from '@rookery/observability';
import { DependencyCheck } from './dependency-check.js';
import { Lifecycle } from './lifecycle.js';

/**
 * Whether the service can do its work, dependency by dependency: `ok`, `degraded` (something it can do without is
 * down) or `error`. HTTP readiness and gRPC health both ask here, as often
 * as they like.
 */
@Injectable()
export class DependencyHealth {
  private readonly checks = new WeakMap<Dependency, DependencyCheck>();

  constructor(
    private readonly terminus: HealthCheckService,
    private readonly indicators: HealthIndicatorService,
    private readonly dependencies: DependencyRegistry,
    private readonly lifecycle: Lifecycle,
  ) {}

  /** @throws {ServiceUnavailableException} with the same result when the service is not ready */
  check(): Promise<HealthCheckResult> {
    return this.terminus.check([
      () => this.service(),
      ...this.dependencies.all().map((dependency) => () => this.dependency(dependency)),
    ]);
  }

  private service(): HealthIndicatorResult {
    const indicator = this.indicators.check('service');
    const { state } = this.lifecycle;
    return state === 'ready' ? indicator.up({ state }) : indicator.down({ state });
  }

  private async dependency(dependency: Dependency): Promise<HealthIndicatorResult> {
    const { name, critical } = dependency;
    const indicator = this.indicators.check(name);
    const { up, latency, detail } = await this.checkOf(dependency).result();
    if (up) return indicator.up(detail === undefined ? { latency } : { latency, detail });
    const facts = { latency, reason: detail ?? 'it says that it is down' };
    return critical ? indicator.down(facts) : indicator.degraded(facts);
  }

  private checkOf(dependency: Dependency): DependencyCheck {
    const known = this.checks.get(dependency);
    if (known) return known;
    const check = new DependencyCheck(dependency);
    this.checks.set(dependency, check);
    return check;
  }
}
