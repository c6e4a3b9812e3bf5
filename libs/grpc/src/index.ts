export { GrpcConfig } from './grpc.config.js';
export { GrpcModule } from './grpc.module.js';
export { Call, callOf } from './server/call.decorator.js';
export { type HandlerCall as ServerCall } from './server/calls/server-call.js';
export { GrpcController } from './server/grpc-controller.decorator.js';
export { GrpcServer, type GrpcServerOptions } from './server/grpc-server.js';
export { MetadataKey, type MetadataValueOf } from './metadata-key.js';
export { DEFAULT_LIMITS, type GrpcLimits } from './server/grpc-limits.js';
export { type ServerTls, readServerTls } from './server/server-tls.js';
export { IsEnumValue } from './server/rules/is-enum-value.decorator.js';
export { IsId } from './server/rules/is-id.decorator.js';
export { IsRequired } from './server/rules/is-required.decorator.js';
export { OneOf } from './server/rules/one-of.decorator.js';
export { MapOf } from './server/rules/map-of.decorator.js';
export { Messages } from './server/messages.decorator.js';
export { addReflection } from './server/reflection.js';
export { CONTEXT_METADATA } from './context-metadata.js';
export { type CallMetadata, type MetadataValue } from './client/call-metadata.js';
export { type CallOptions, type Duration } from './client/call-options.js';
export { clientCredentials } from './client/client-credentials.js';
export {
  type ClientDeclaration,
  DEFAULT_HEDGE,
  DEFAULT_RETRY,
  type HedgePolicy,
  type MethodOptions,
  type MethodsOptions,
  type RetryPolicy,
} from './client/client-options.js';
export { CHANNEL_OPTIONS, type ChannelCall, type GrpcChannel } from './client/grpc-channel.js';
export { GrpcClientConfig } from './client/grpc-client.config.js';
export { type GrpcClient, type GrpcClientOptions, clientOn, createGrpcClient } from './client/grpc-client.js';
export {
  type AnyClientDeclaration,
  GrpcClients,
  InjectClient,
  clientDeclaration,
  clientToken,
} from './client/grpc-clients.module.js';
export { beginClientSpan, spanEndOf } from './client/client-span.js';
export { type ReceivedStatus, fromReceived } from './client/received-status.js';
export {
  type TargetConfig,
  type TargetedService,
  serviceNameOf,
  targetConfig,
  targetVariable,
} from './client/target.js';
export {
  HealthCheckRequest,
  HealthCheckResponse,
  HealthCheckResponse_ServingStatus,
  HealthDefinition,
} from './generated/grpc/health/v1/health.js';
