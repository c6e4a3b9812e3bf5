import type { MethodDefinition } from './service-definition.js';

/** Which RPC a controller's method serves. Keyed by the function itself, so that inheritance needs no care. */
const definitions = new WeakMap<object, MethodDefinition>();

/** Notes that `handler` serves the RPC `definition`; `@GrpcController` does it. */
export function attachMethodDefinition(handler: object, definition: MethodDefinition): void {
  definitions.set(handler, definition);
}

/** The RPC that `handler` serves, or undefined when it is no gRPC handler. */
export function methodDefinitionOf(handler: object): MethodDefinition | undefined {
  return definitions.get(handler);
}
