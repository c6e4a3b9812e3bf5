import type { CanActivate, ExecutionContext, NestInterceptor, PreRequestHook, Type } from '@nestjs/common';
import type { RpcExceptionFilterMetadata } from '@nestjs/common/internal';
import { ExecutionContextHost } from '@nestjs/core/internal';
import type { HandlerArguments } from './compile-handler.js';
import type { Parameter } from './parameters.js';

/** A controller's method and everything that Nest would run around it. */
export interface Enhancers {
  readonly instance: object;
  readonly method: (...args: unknown[]) => unknown;
  readonly hooks: readonly PreRequestHook[];
  readonly guards: readonly CanActivate[];
  readonly interceptors: readonly NestInterceptor[];
  readonly filters: readonly RpcExceptionFilterMetadata[];
  readonly parameters: readonly Parameter[];
}

/** What guards, interceptors and hooks see. */
export function executionContext({ instance, method }: Enhancers, args: HandlerArguments): ExecutionContext {
  const context = new ExecutionContextHost(args, instance.constructor as Type, method);
  context.setType('rpc');
  return context;
}
