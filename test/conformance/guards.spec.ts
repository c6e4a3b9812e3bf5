import { type CanActivate, type ExecutionContext, SetMetadata, type Type, UnauthorizedException } from '@nestjs/common';
import { Metadata } from '@grpc/grpc-js';
import { Reflector } from '@nestjs/core';
import { NotFound } from '@rookery/errors';
import { EMPTY, of } from 'rxjs';
import { afterEach, describe, expect, it } from 'vitest';
import { KINDS } from './conformance-service.js';
import { fourKinds } from './four-kinds.controller.js';
import { LEVELS, echoing, startEnhanced } from './start-enhanced.js';
import { type StartedServer, startServer } from './start-server.js';

let started: StartedServer;
afterEach(() => started.close());

const guard = (canActivate: CanActivate['canActivate']): CanActivate => ({ canActivate });

describe.each(KINDS)('%s', (kind) => {
  it.each(LEVELS)('is denied by a guard of level %s', async (at) => {
    const log: string[] = [];
    started = await startEnhanced(echoing(log), [{ at, guard: guard(() => false) }]);
    const answer = await started.client.call(kind);
    expect(answer).toMatchObject({ code: 'PERMISSION_DENIED', message: 'permission denied', replies: [] });
    expect(answer.details.ErrorInfo).toMatchObject({ reason: 'PERMISSION_DENIED', domain: 'conformance' });
    expect(log).toEqual([]);
  });

  it.each([
    { verdict: 'true', code: 'OK', canActivate: () => true },
    { verdict: 'a promise of true', code: 'OK', canActivate: async () => true },
    { verdict: 'an Observable of true', code: 'OK', canActivate: () => of(true) },
    { verdict: 'a promise of false', code: 'PERMISSION_DENIED', canActivate: async () => false },
    { verdict: 'an Observable of false', code: 'PERMISSION_DENIED', canActivate: () => of(false) },
    {
      verdict: 'an Observable whose last value is false',
      code: 'PERMISSION_DENIED',
      canActivate: () => of(true, false),
    },
    { verdict: 'an Observable of nothing', code: 'INTERNAL', canActivate: () => EMPTY },
  ])('is answered with $code when the guard says $verdict', async ({ canActivate, code }) => {
    started = await startEnhanced(echoing(), [{ at: 'method', guard: guard(canActivate) }]);
    expect((await started.client.call(kind)).code).toBe(code);
  });

  it.each([
    { thrown: new NotFound('not for you'), expected: { code: 'NOT_FOUND', message: 'not for you' } },
    { thrown: new UnauthorizedException('who?'), expected: { code: 'UNAUTHENTICATED', message: 'who?' } },
    { thrown: new Error('secret'), expected: { code: 'INTERNAL', message: 'internal error' } },
  ])('is answered with $expected.code when the guard throws it', async ({ thrown, expected }) => {
    for (const canActivate of [
      () => Promise.reject(thrown),
      (): never => {
        throw thrown;
      },
    ]) {
      started = await startEnhanced(echoing(), [{ at: 'controller', guard: guard(canActivate) }]);
      expect(await started.client.call(kind)).toMatchObject(expected);
    }
  });

  it('asks global, controller and method in this order, up to the first that denies', async () => {
    const log: string[] = [];
    const says = (name: string, verdict: boolean) => guard(async () => (log.push(name), verdict));
    started = await startEnhanced(echoing(log), [
      { at: 'method', guard: says('method', true) },
      { at: 'controller', guard: says('controller', true) },
      { at: 'global', guard: says('global', true) },
    ]);
    expect((await started.client.call(kind)).code).toBe('OK');
    expect(log).toEqual(['global', 'controller', 'method', 'handler']);
    await started.close();
    log.splice(0);
    started = await startEnhanced(echoing(log), [
      { at: 'method', guard: says('method', true) },
      { at: 'controller', guard: says('controller', false) },
      { at: 'global', guard: says('global', true) },
    ]);
    expect((await started.client.call(kind)).code).toBe('PERMISSION_DENIED');
    expect(log).toEqual(['global', 'controller']);
  });

  it('shows a guard the call: what is called, with which request and metadata', async () => {
    let seen: { type: string; classRef: Type; handler: string; data: unknown; token: unknown } | undefined;
    const look = (context: ExecutionContext) => {
      const rpc = context.switchToRpc();
      seen = {
        type: context.getType(),
        classRef: context.getClass(),
        handler: context.getHandler().name,
        data: rpc.getData(),
        token: rpc.getContext<Metadata>().get('authorization')[0],
      };
      return true;
    };
    const Controller = fourKinds(echoing());
    started = await startServer({
      controllers: [Controller],
      configure: (app) => app.useGlobalGuards(guard(look)),
    });
    const metadata = new Metadata();
    metadata.set('authorization', 'Bearer t');
    await started.client.call(kind, { id: 'x' }, { metadata });
    expect(seen).toMatchObject({ type: 'rpc', classRef: Controller, handler: kind, token: 'Bearer t' });
    if (kind === 'unary' || kind === 'serverStream') expect(seen!.data).toMatchObject({ id: 'x' });
    else expect(Symbol.asyncIterator in (seen!.data as object)).toBe(true);
  });

  it('lets a guard read what decorators say of the method and the class', async () => {
    class RolesGuard implements CanActivate {
      constructor(private readonly reflector: Reflector) {}
      canActivate(context: ExecutionContext): boolean {
        const targets = [context.getHandler(), context.getClass()];
        return this.reflector.getAllAndOverride<string>('role', targets) === 'admin';
      }
    }
    Reflect.defineMetadata('design:paramtypes', [Reflector], RolesGuard);
    const configured = async (onController: string, onMethods?: string) => {
      const Controller = fourKinds(echoing(), {
        onController: [SetMetadata('role', onController)],
        onMethods: onMethods === undefined ? [] : [SetMetadata('role', onMethods)],
      });
      started = await startServer({
        controllers: [Controller],
        configure: (app) => app.useGlobalGuards(new RolesGuard(app.get(Reflector))),
      });
      const { code } = await started.client.call(kind);
      await started.close();
      return code;
    };
    expect(await configured('admin')).toBe('OK');
    expect(await configured('admin', 'nobody')).toBe('PERMISSION_DENIED');
    expect(await configured('nobody', 'admin')).toBe('OK');
  });
});
