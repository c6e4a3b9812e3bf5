export { DESCRIPTOR_SET_BASE64, SERVICE_HOSTS } from './generated/descriptors.js';
export { EncodedReply } from './encoded-reply.js';
export type {
  HandlerOf,
  MessageCodec,
  MethodDefinition,
  RequestOf,
  ResponseOf,
  ServiceClient,
  ServiceController,
  ServiceDefinition,
} from './service-definition.js';
export { schemaName } from './schema-name.js';
export { attachMethodDefinition, methodDefinitionOf } from './method-metadata.js';
export { BinaryReader, BinaryWriter } from './wire/index.js';
