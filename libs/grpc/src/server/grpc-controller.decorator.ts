import { Controller } from '@nestjs/common';
import { MessagePattern } from '@nestjs/microservices';
import { PARAM_ARGS_METADATA } from '@nestjs/microservices/constants.js';
import { RpcParamtype } from '@nestjs/microservices/enums/rpc-paramtype.enum.js';
import { type MethodDefinition, type ServiceDefinition, attachMethodDefinition } from '@rookery/contracts';
import { isMessageStreamParameter } from './messages.decorator.js';

/** Tells our handlers from those of other transports of the same application. */
export const GRPC_TRANSPORT = Symbol('rookery-grpc');

/** The RPC that a controller's method serves. */
export interface ServedRpc {
  readonly service: ServiceDefinition;
  readonly definition: MethodDefinition;
  /** `/user.v1.UserService/GetUser` */
  readonly path: string;
}

const served = new WeakMap<object, ServedRpc>();

/** What `method` of a controller serves, if anything. */
export function servedRpcOf(method: object): ServedRpc | undefined {
  return served.get(method);
}

/** `/user.v1.UserService/GetUser` */
export function pathOf(service: ServiceDefinition, method: { name: string }): string {
  return `/${service.fullName}/${method.name}`;
}

/**
 * Makes a class the controller of a gRPC service: each method named like an RPC of `service` serves it.
 *
 * Each of these methods takes its request as `@Payload() request: SomeDto` (or `@Messages(SomeDto)` when the client
 * streams), so that every message is validated; the decorator refuses a method whose request has no DTO class.
 * @throws {TypeError} when an RPC has no method, or a method's request no DTO
 */
export function GrpcController(service: ServiceDefinition): ClassDecorator {
  return (controller) => {
    const prototype = (controller as unknown as { prototype: Record<string, unknown> }).prototype;
    for (const [name, method] of Object.entries(service.methods) as [string, MethodDefinition][]) {
      const handler = prototype[name];
      if (typeof handler !== 'function') {
        throw new TypeError(`${controller.name} has no method ${name} for the RPC ${service.fullName}/${method.name}`);
      }
      refuseWithoutDto(controller.name, prototype, name, method);
      const path = pathOf(service, method);
      const descriptor = Object.getOwnPropertyDescriptor(prototype, name) ?? { value: handler };
      // Nest lists it among the application's entry points; it is served from what is noted here.
      MessagePattern(path, GRPC_TRANSPORT)(prototype, name, descriptor);
      served.set(handler, { service, definition: method, path });
      attachMethodDefinition(handler, method);
    }
    Controller()(controller);
  };
}

/** What TypeScript writes for types that are no classes of messages. */
const ERASED = new Set<unknown>([Object, String, Number, Boolean, Array, Promise, Function]);

/** Which parameter takes the whole request. */
function requestIndex(prototype: object, name: string): number {
  const declared = (Reflect.getMetadata(PARAM_ARGS_METADATA, prototype.constructor, name) ?? {}) as Record<
    string,
    { index: number; data?: unknown }
  >;
  const payloads = Object.entries(declared).filter(([key]) => key.startsWith(`${RpcParamtype.PAYLOAD}:`));
  return payloads.find(([, { data }]) => data === undefined)?.[1].index ?? 0;
}

/** A request type that is erased (`Object`) would silently skip validation. */
function refuseWithoutDto(controller: string, prototype: object, name: string, method: MethodDefinition): void {
  const declares = (prototype as Record<string, () => unknown>)[name]!.length > 0;
  if (!declares) return;
  if (method.requestStream) {
    if (isMessageStreamParameter(prototype, name)) return;
    throw new TypeError(
      `${controller}.${name} must take its messages as @Messages(SomeDto) messages: AsyncIterable<SomeDto>`,
    );
  }
  const types = Reflect.getMetadata('design:paramtypes', prototype, name) as unknown[] | undefined;
  const type = types?.[requestIndex(prototype, name)];
  if (typeof type === 'function' && !ERASED.has(type)) return;
  throw new TypeError(
    `${controller}.${name} must take its request as @Payload() request: SomeDto, with SomeDto a class imported as a value`,
  );
}
