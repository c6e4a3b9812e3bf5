import { type ExternalContextCreator, type ModulesContainer, type NestContainer } from '@nestjs/core';
import {
  GuardsConsumer,
  GuardsContextCreator,
  Injector,
  InterceptorsConsumer,
  InterceptorsContextCreator,
  type InstanceWrapper,
  PipesConsumer,
  PipesContextCreator,
} from '@nestjs/core/internal';
import { ClientProxyFactory, type MessageHandler, RpcException, type Server, Transport } from '@nestjs/microservices';
import { ClientsContainer } from '@nestjs/microservices/container.js';
import { ExceptionFiltersContext } from '@nestjs/microservices/context/exception-filters-context.js';
import { RpcContextCreator } from '@nestjs/microservices/context/rpc-context-creator.js';
import { RpcProxy } from '@nestjs/microservices/context/rpc-proxy.js';
import { RpcExceptionsHandler } from '@nestjs/microservices/exceptions/rpc-exceptions-handler.js';
import { ListenersController } from '@nestjs/microservices/listeners-controller.js';
import { transformPatternToRoute } from '@nestjs/microservices/utils/index.js';
import { type Observable, catchError, throwError } from 'rxjs';
import type { PayloadCodecs } from './message-payload.js';
import { checkPattern } from './subject.js';

/** What Nest's decorators take besides the pattern. */
export interface PatternOptions extends PayloadCodecs {
  /** Another queue group than the service's name; '' has every replica get every message. */
  readonly queue?: string;
}

/** A method with `@MessagePattern` or `@EventPattern`, and all that Nest runs around it. */
export interface FoundHandler {
  readonly pattern: string;
  /** Whether what it returns goes nowhere. */
  readonly isEvent: boolean;
  readonly options: PatternOptions;
  readonly handle: MessageHandler;
}

/**
 * Finds an application's handlers of messages and has Nest compile them: guards, interceptors, pipes, filters, scopes are
 * Nest's own. All but the end: an error that no filter takes stays what it is, where Nest would make `{ status: 'error' }`
 * of it and the caller would never hear of a `NotFound`.
 */
export class MessageHandlers {
  private readonly container: NestContainer;

  constructor(
    private readonly modules: ModulesContainer,
    creator: ExternalContextCreator,
  ) {
    // Nest gives out its container in no other way, and its creators need it.
    this.container = creator['container'];
  }

  /** @throws {TypeError} for a pattern that NATS cannot have, and for two that would answer the same requests */
  find(): FoundHandler[] {
    const found: FoundHandler[] = [];
    const listeners = this.listeners();
    const target = {
      transportId: Transport.NATS,
      propagatesEventHandlerErrors: true,
      addHandler: (pattern: never, handle: MessageHandler, isEvent = false, options: PatternOptions = {}) =>
        found.push({ pattern: transformPatternToRoute(pattern), isEvent, options, handle }),
    } as unknown as Server;
    for (const [key, { controllers }] of this.modules) {
      for (const wrapper of controllers.values())
        listeners.registerPatternHandlers(wrapper as InstanceWrapper<never>, target, key);
    }
    const answered = new Set<string>();
    for (const { pattern, isEvent } of found) {
      checkPattern(pattern);
      if (!isEvent && answered.has(pattern))
        throw new TypeError(`"${pattern}" has more than one @MessagePattern handler`);
      if (!isEvent) answered.add(pattern);
    }
    return found;
  }

  private listeners(): ListenersController {
    const { container } = this;
    const config = container.applicationConfig!;
    const filters = new CatalogueFilters(container, config);
    const creator = new RpcContextCreator(
      new RpcProxy(),
      filters,
      new PipesContextCreator(container, config),
      new PipesConsumer(),
      new GuardsContextCreator(container, config),
      new GuardsConsumer(),
      new InterceptorsContextCreator(container, config),
      new InterceptorsConsumer(),
      config,
    );
    // Nest has listed them among the application's entry points when the server was connected.
    const inspector = { insertEntrypointDefinition: () => undefined };
    return new ListenersController(
      new ClientsContainer(),
      creator,
      container,
      new Injector(),
      ClientProxyFactory,
      filters,
      inspector as never,
    );
  }
}

/** Nest's filters, without what Nest does when there is none for an error. */
class CatalogueFilters extends ExceptionFiltersContext {
  override create(...args: Parameters<ExceptionFiltersContext['create']>): RpcExceptionsHandler {
    const handler = new CatalogueExceptionsHandler();
    handler.setCustomFilters(super.create(...args)['filters']);
    return handler;
  }
}

class CatalogueExceptionsHandler extends RpcExceptionsHandler {
  override handle(...[exception, host]: Parameters<RpcExceptionsHandler['handle']>): Observable<unknown> {
    const answer = this.invokeCustomFilters(exception, host);
    if (!answer) return throwError(() => exception as unknown);
    return answer.pipe(catchError((thrown: unknown) => throwError(() => asException(thrown))));
  }
}

/** A filter may throw the bare object that an RpcException holds: `super.catch()` of Nest's own does. */
function asException(thrown: unknown): unknown {
  return thrown instanceof Error || typeof thrown !== 'object' || thrown === null ? thrown : new RpcException(thrown);
}
