export { DependencyHealth } from './dependency-health.js';
export { GrpcHealth } from './grpc-health.js';
export { HealthModule } from './health.module.js';
export { Lifecycle, type LifecycleState } from './lifecycle.js';
