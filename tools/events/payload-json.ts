import {
  type DescMessage,
  type JsonValue,
  type Registry,
  createFileRegistry,
  fromBinary,
  fromJson,
  toBinary,
  toJson,
} from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { DESCRIPTOR_SET_BASE64 } from '@rookery/contracts';

let registry: Registry | undefined;

/** @throws when the contracts of this checkout have no message of that type */
function messageOf(type: string): DescMessage {
  registry ??= createFileRegistry(fromBinary(FileDescriptorSetSchema, Buffer.from(DESCRIPTOR_SET_BASE64, 'base64')));
  const message = registry.getMessage(type);
  if (!message) throw new Error(`the contracts have no message ${type}; run this in a checkout that has its proto`);
  return message;
}

/** The payload of an event as JSON of protobuf's mapping. @throws when it is none of that type */
export function payloadToJson(type: string, payload: Uint8Array): JsonValue {
  return toJson(messageOf(type), fromBinary(messageOf(type), payload), { registry, alwaysEmitImplicit: true });
}

/** The payload that JSON says. @throws when it has fields that the type does not know, or values that do not fit */
export function payloadFromJson(type: string, text: string): Uint8Array {
  return toBinary(messageOf(type), fromJson(messageOf(type), JSON.parse(text) as JsonValue, { registry }));
}
