export { LogConfig, createLogger, type LogLevel } from './log.js';
export { NestLogger } from './nest-logger.js';
export { Metrics } from './metrics.js';
export { MetricsController } from './metrics.controller.js';
export { ObservabilityModule } from './observability.module.js';
export { CallObserver, type MethodObserver } from './call-observer.js';
export { DependencyRegistry, type Dependency, type DependencyState } from './dependency-registry.js';
export { REQUEST_ID_HEADER, requestIdFrom } from './request-id.js';
export { Logger } from './logger.js';
