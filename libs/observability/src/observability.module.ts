import { type DynamicModule, Global, Module } from '@nestjs/common';
import { Logger } from './logger.js';
import { CallObserver } from './call-observer.js';
import { DependencyRegistry } from './dependency-registry.js';
import { Metrics } from './metrics.js';
import { MetricsController } from './metrics.controller.js';

/** Logs, metrics and the list of dependencies, for the whole application; `GET /metrics`. */
@Global()
@Module({})
export class ObservabilityModule {
  static register(logger: Logger): DynamicModule {
    return {
      module: ObservabilityModule,
      controllers: [MetricsController],
      providers: [{ provide: Logger, useValue: logger }, Metrics, CallObserver, DependencyRegistry],
      exports: [Logger, Metrics, CallObserver, DependencyRegistry],
    };
  }
}
