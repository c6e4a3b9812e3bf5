import { Injectable } from '@nestjs/common';
import {
  HealthCheckService,
  type HealthCheckResult,
  HealthIndicatorService,
  type HealthIndicatorResult,
} from '@nestjs/terminus';
import { type Dependency, DependencyRegistry } from '@rookery/observability';
import { Lifecycle } from './lifecycle.js';

/** A dependency that does not answer within this many milliseconds counts as down. */
const CHECK_TIMEOUT = 1_000;

/**
 * Whether the service can do its work, dependency by dependency: `ok`, `degraded` (something it can do without is
 * down) or `error`. HTTP readiness and gRPC health both ask here.
 */
@Injectable()
export class DependencyHealth {
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

  private async dependency({ name, critical, check }: Dependency): Promise<HealthIndicatorResult> {
    const indicator = this.indicators.check(name);
    const startedAt = performance.now();
    const state = await bounded(check).catch((error: unknown) => ({ up: false, detail: reasonOf(error) }));
    const latency = Math.round((performance.now() - startedAt) * 10) / 10;
    const facts = { latency, ...(state.detail === undefined ? {} : { detail: state.detail }) };
    if (state.up) return indicator.up(facts);
    return critical ? indicator.down(facts) : indicator.degraded(facts);
  }
}

async function bounded<T>(check: () => Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${CHECK_TIMEOUT} ms`)), CHECK_TIMEOUT);
  });
  try {
    return await Promise.race([check(), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Probes are read by operators: the message is theirs, the stack is the log's. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as { code?: unknown };
  return error.message || (typeof code === 'string' ? code : error.name);
}
