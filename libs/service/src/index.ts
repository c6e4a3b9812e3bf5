export { type RunningService, createService } from './create-service.js';
export { PortTaken, listening } from './port-taken.js';
export { type Runnable, runProcess } from './run-process.js';
export { runService } from './run-service.js';
export { ServiceModule, type ServiceDeclaration, configClassesOf, declarationOf } from './service.module.js';
export { HttpConfig, ShutdownConfig, EmbeddedConfig } from './service.config.js';
