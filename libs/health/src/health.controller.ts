import { Controller, Get, Header, HttpCode, ServiceUnavailableException } from '@nestjs/common';
import { HealthCheck, type HealthCheckResult } from '@nestjs/terminus';
import { DependencyHealth } from './dependency-health.js';
import { Lifecycle, type LifecycleState } from './lifecycle.js';

/** The probes that Kubernetes asks. None of them is logged. */
@Controller('health')
export class HealthController {
  constructor(
    private readonly dependencies: DependencyHealth,
    private readonly lifecycle: Lifecycle,
  ) {}

  /** The process works: answering is the proof. A dependency that is down is no reason to restart it. */
  @Get('live')
  @Header('cache-control', 'no-store')
  live(): { status: 'ok'; state: LifecycleState } {
    return { status: 'ok', state: this.lifecycle.state };
  }

  /** Whether calls should come here, with each dependency by name: 200 (`ok`, `degraded`) or 503. */
  @Get('ready')
  @HealthCheck()
  ready(): Promise<HealthCheckResult> {
    return this.dependencies.check();
  }

  /** Whether the start is over: 200 from then on, 503 before. */
  @Get('startup')
  @Header('cache-control', 'no-store')
  @HttpCode(200)
  startup(): { status: 'ok'; state: LifecycleState } {
    const { state } = this.lifecycle;
    if (state === 'starting') throw new ServiceUnavailableException({ status: 'error', state });
    return { status: 'ok', state };
  }
}
