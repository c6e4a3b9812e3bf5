export { GrpcConfig } from './grpc.config.js';
export { GrpcModule } from './grpc.module.js';
export { GrpcController } from './server/grpc-controller.decorator.js';
export { GrpcServer, type GrpcServerOptions } from './server/grpc-server.js';
export { IsId } from './server/is-id.decorator.js';
export { Messages } from './server/messages.decorator.js';
export { addReflection } from './server/reflection.js';
export { type CallOptions, type GrpcClient, createGrpcClient } from './client/grpc-client.js';
export { GrpcClients, InjectClient } from './client/grpc-clients.module.js';
export { type ReceivedStatus, fromReceived } from './client/received-status.js';
export { type TargetConfig, type TargetedService, serviceNameOf, targetConfig } from './client/target.js';
export {
  HealthCheckRequest,
  HealthCheckResponse,
  HealthCheckResponse_ServingStatus,
  HealthDefinition,
} from './generated/grpc/health/v1/health.js';
