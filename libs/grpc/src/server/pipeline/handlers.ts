import type { INestApplicationContext, PipeTransform } from '@nestjs/common';
import { CUSTOM_ROUTE_ARGS_METADATA } from '@nestjs/common/internal';
import {
  type ContextId,
  ContextIdFactory,
  ExternalContextCreator,
  MetadataScanner,
  ModulesContainer,
  type NestContainer,
} from '@nestjs/core';
import {
  ContextUtils,
  GuardsContextCreator,
  Injector,
  type InstanceWrapper,
  InterceptorsContextCreator,
  type Module,
  ParamsTokenFactory,
  PipesContextCreator,
  REQUEST_CONTEXT_ID,
  STATIC_CONTEXT,
} from '@nestjs/core/internal';
import { PARAM_ARGS_METADATA } from '@nestjs/microservices/constants.js';
import { ExceptionFiltersContext } from '@nestjs/microservices/context/exception-filters-context.js';
import { RequestContextHost } from '@nestjs/microservices/context/request-context-host.js';
import { DEFAULT_GRPC_CALLBACK_METADATA } from '@nestjs/microservices/context/rpc-metadata-constants.js';
import { RpcParamsFactory } from '@nestjs/microservices/factories/rpc-params-factory.js';
import { type ServedRpc, servedRpcOf } from '../grpc-controller.decorator.js';
import { type CompiledHandler, type HandlerArguments, compileHandler } from './compile-handler.js';
import type { Parameter } from './parameters.js';

/** An RPC of a controller, and what answers it. */
export interface FoundHandler extends ServedRpc {
  readonly handler: CompiledHandler;
}

type Controller = Record<string, (...args: unknown[]) => unknown>;

/** How Nest's decorators describe one parameter. */
interface DeclaredParameter {
  index: number;
  data?: unknown;
  pipes: (PipeTransform | (new () => PipeTransform))[];
  factory?: (data: unknown, context: unknown) => unknown;
  schema?: unknown;
}

/**
 * Finds the RPCs of an application's controllers and compiles their handlers, with Nest's own creators for what runs
 * around them. A controller that is request-scoped, or depends on something that is, is made anew for each call.
 */
export class Handlers {
  private readonly modules: ModulesContainer;
  private readonly container: NestContainer;
  private readonly guards: GuardsContextCreator;
  private readonly pipes: PipesContextCreator;
  private readonly interceptors: InterceptorsContextCreator;
  private readonly filters: ExceptionFiltersContext;
  private readonly injector: Injector;
  private readonly contexts = new ContextUtils();
  private readonly tokens = new ParamsTokenFactory();
  private readonly sources = new RpcParamsFactory();

  constructor(app: INestApplicationContext) {
    this.modules = app.get(ModulesContainer);
    // Nest gives out its container in no other way, and the creators need it and the application's global enhancers.
    this.container = app.get(ExternalContextCreator)['container'];
    const { applicationConfig } = this.container;
    this.guards = new GuardsContextCreator(this.container, applicationConfig);
    this.pipes = new PipesContextCreator(this.container, applicationConfig);
    this.interceptors = new InterceptorsContextCreator(this.container, applicationConfig);
    this.filters = new ExceptionFiltersContext(this.container, applicationConfig!);
    this.injector = new Injector();
  }

  /** Every RPC of every controller. @throws {TypeError} when two controllers serve the same */
  find(): FoundHandler[] {
    const scanner = new MetadataScanner();
    const found = new Map<string, FoundHandler>();
    for (const module of this.modules.values()) {
      for (const wrapper of module.controllers.values()) {
        const prototype = (wrapper.metatype as { prototype: Controller }).prototype;
        for (const name of scanner.getAllMethodNames(prototype)) {
          const rpc = servedRpcOf(prototype[name]!);
          if (!rpc) continue;
          if (found.has(rpc.path)) throw new TypeError(`${rpc.path} has more than one handler`);
          found.set(rpc.path, { ...rpc, handler: this.handlerOf(module, wrapper, name, rpc) });
        }
      }
    }
    return [...found.values()];
  }

  private handlerOf(module: Module, wrapper: InstanceWrapper, name: string, rpc: ServedRpc): CompiledHandler {
    if (wrapper.isDependencyTreeStatic()) return this.compile(wrapper.instance as Controller, name, module.token);
    const compiled = new WeakMap<object, CompiledHandler>();
    return {
      handle: async (args) => {
        const [request, metadata, call] = args;
        const contextId = this.contextOf(new RequestContextHost(rpc.path, request, metadata as never), wrapper);
        const instance = await this.injector.loadPerContext(
          wrapper.instance as Controller,
          module,
          module.controllers,
          contextId,
        );
        const handler = this.compile(instance, name, module.token, contextId, wrapper.id);
        compiled.set(call, handler);
        return handler.handle(args);
      },
      recover: (error, args) => {
        const recover = compiled.get(args[2])?.recover;
        if (!recover) throw error;
        return recover(error, args);
      },
    };
  }

  private compile(
    instance: Controller,
    name: string,
    module: string,
    contextId: ContextId = STATIC_CONTEXT,
    inquirer?: string,
  ): CompiledHandler {
    const method = instance[name]!;
    const scope = [instance, method, module, contextId, inquirer] as const;
    return compileHandler({
      instance,
      method,
      hooks: this.container.applicationConfig?.getGlobalPreRequestHooks() ?? [],
      guards: this.guards.create(...scope),
      interceptors: this.interceptors.create(...scope),
      filters: this.filters.create(instance, method as never, module, contextId, inquirer)['filters'],
      parameters: this.parametersOf(instance, name, this.pipes.create(...scope), contextId, inquirer),
    });
  }

  private parametersOf(
    instance: Controller,
    name: string,
    common: PipeTransform[],
    contextId: ContextId,
    inquirer: string | undefined,
  ): Parameter[] {
    const declared: Record<string, DeclaredParameter> =
      this.contexts.reflectCallbackMetadata(instance, name, PARAM_ARGS_METADATA) ?? DEFAULT_GRPC_CALLBACK_METADATA;
    const types = this.contexts.reflectCallbackParamtypes(instance, name) as never[] | undefined;
    const context = this.contexts.getContextFactory('rpc', instance, instance[name]);
    return Object.entries(declared).map(([key, { index, data, pipes, factory, schema }]) => {
      const custom = key.includes(CUSTOM_ROUTE_ARGS_METADATA);
      const kind = custom ? Number.NaN : Number(this.contexts.mapParamType(key));
      const extract = custom
        ? (args: HandlerArguments) => factory?.(data, context(args))
        : (args: HandlerArguments) => this.sources.exchangeKeyForValue(kind, data as string, args);
      return {
        index,
        extract,
        custom,
        pipes: [...common, ...this.pipes.createConcreteContext(pipes, contextId, inquirer)] as PipeTransform[],
        metadata: {
          type: this.tokens.exchangeEnumForString(kind),
          metatype: types?.[index],
          data: data as string,
          schema,
        } as Parameter['metadata'],
      };
    });
  }

  /** The id under which providers of this call are kept; those of a durable tree are shared between calls. */
  private contextOf(host: RequestContextHost, wrapper: InstanceWrapper): ContextId {
    const contextId = ContextIdFactory.getByRequest(host);
    const noted = host as RequestContextHost & { [REQUEST_CONTEXT_ID]?: ContextId };
    if (noted[REQUEST_CONTEXT_ID]) return contextId;
    Object.defineProperty(host, REQUEST_CONTEXT_ID, { value: contextId });
    const { payload } = contextId as { payload?: object };
    const provided = wrapper.isDependencyTreeDurable() ? payload : Object.assign(host, payload);
    this.container.registerRequestProvider(provided, contextId);
    return contextId;
  }
}
