import { type DynamicModule, Global, Module, type OnApplicationShutdown } from '@nestjs/common';
import { Logger } from './logger.js';
import { CallObserver } from './call-observer.js';
import { DependencyRegistry } from './dependency-registry.js';
import { Metrics } from './metrics.js';
import { MetricsController } from './metrics.controller.js';
import type { TraceConfig } from './tracing/trace.config.js';
import { Tracer, openTracer } from './tracing/tracer.js';

/** The name that the spans of a service carry, and where they go. */
export interface TracingOptions {
  service: string;
  config: TraceConfig;
}

/** Logs, metrics, traces and the list of dependencies, for the whole application; `GET /metrics`. */
@Global()
@Module({})
export class ObservabilityModule implements OnApplicationShutdown {
  constructor(private readonly tracer: Tracer) {}

  /** Without `tracing` nothing is traced. */
  static register(logger: Logger, tracing?: TracingOptions): DynamicModule {
    return {
      module: ObservabilityModule,
      controllers: [MetricsController],
      providers: [
        { provide: Logger, useValue: logger },
        Metrics,
        {
          provide: Tracer,
          useFactory: (metrics: Metrics) =>
            tracing ? openTracer(tracing.config, tracing.service, metrics, logger) : Tracer.off,
          inject: [Metrics],
        },
        CallObserver,
        DependencyRegistry,
      ],
      exports: [Logger, Metrics, Tracer, CallObserver, DependencyRegistry],
    };
  }

  onApplicationShutdown(): Promise<void> {
    return this.tracer.close();
  }
}
