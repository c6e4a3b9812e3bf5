import { Global, Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { DependencyHealth } from './dependency-health.js';
import { HealthController } from './health.controller.js';
import { Lifecycle } from './lifecycle.js';

/** `/health/live`, `/health/ready`, `/health/startup` over the dependencies that the application's libs registered. */
@Global()
@Module({
  imports: [TerminusModule.forRoot({ logger: false })],
  controllers: [HealthController],
  providers: [Lifecycle, DependencyHealth],
  exports: [Lifecycle, DependencyHealth],
})
export class HealthModule {}
