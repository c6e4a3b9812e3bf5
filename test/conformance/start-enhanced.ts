import {
  type CanActivate,
  type ExceptionFilter,
  type INestApplication,
  type NestInterceptor,
  type PipeTransform,
  type Provider,
  type Type,
  UseFilters,
  UseGuards,
  UseInterceptors,
  UsePipes,
} from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_INTERCEPTOR, APP_PIPE } from '@nestjs/core';
import { type Decorators, type Handlers, fourKinds } from './four-kinds.controller.js';
import { type StartedServer, startServer } from './start-server.js';

/** Where an enhancer may be declared: `app.useGlobal…`, a provider such as APP_GUARD, the class, or the method. */
export const LEVELS = ['global', 'APP provider', 'controller', 'method'] as const;
export type Level = (typeof LEVELS)[number];

/** One enhancer and its place. Classes are instantiated by Nest. */
export interface Enhanced {
  at: Level;
  guard?: CanActivate | Type<CanActivate>;
  pipe?: PipeTransform | Type<PipeTransform>;
  interceptor?: NestInterceptor | Type<NestInterceptor>;
  filter?: ExceptionFilter | Type<ExceptionFilter>;
}

/** A server whose four methods do what `handlers` says, with these enhancers around them, in this order. */
export function startEnhanced(
  handlers: Handlers,
  enhancers: Enhanced[],
  providers: Provider[] = [],
): Promise<StartedServer> {
  const decorators: Required<Decorators> = { onController: [], onMethods: [] };
  const application: ((app: INestApplication) => unknown)[] = [];
  const place = (
    at: Level,
    use: ClassDecorator & MethodDecorator,
    token: string,
    enhancer: object,
    global: () => void,
  ) => {
    if (at === 'controller') decorators.onController.push(use);
    else if (at === 'method') decorators.onMethods.push(use);
    else if (at === 'global') global();
    else if (typeof enhancer === 'function') providers.push({ provide: token, useClass: enhancer as Type });
    else providers.push({ provide: token, useValue: enhancer });
  };
  for (const { at, guard, pipe, interceptor, filter } of enhancers) {
    if (guard) {
      place(at, UseGuards(guard), APP_GUARD, guard, () => {
        application.push((app) => app.useGlobalGuards(guard as CanActivate));
      });
    }
    if (pipe) {
      place(at, UsePipes(pipe), APP_PIPE, pipe, () => {
        application.push((app) => app.useGlobalPipes(pipe as PipeTransform));
      });
    }
    if (interceptor) {
      place(at, UseInterceptors(interceptor), APP_INTERCEPTOR, interceptor, () => {
        application.push((app) => app.useGlobalInterceptors(interceptor as NestInterceptor));
      });
    }
    if (filter) {
      place(at, UseFilters(filter), APP_FILTER, filter, () => {
        application.push((app) => app.useGlobalFilters(filter as ExceptionFilter));
      });
    }
  }
  return startServer({
    controllers: [fourKinds(handlers, decorators)],
    providers,
    configure: (app) => application.forEach((configure) => configure(app)),
  });
}

/** Handlers that read all there is and answer the last id, twice where they may; `log` gets `handler` at each run. */
export function echoing(log: string[] = []): Handlers {
  return {
    unary: ({ id }) => (log.push('handler'), { id, number: 1 }),
    async *serverStream({ id }) {
      log.push('handler');
      yield { id, number: 1 };
      yield { id, number: 2 };
    },
    async clientStream(messages) {
      log.push('handler');
      let last = '';
      for await (const { id } of messages) last = id;
      return { id: last, number: 1 };
    },
    async *bidi(messages) {
      log.push('handler');
      let last = '';
      for await (const { id } of messages) last = id;
      yield { id: last, number: 1 };
      yield { id: last, number: 2 };
    },
  };
}
