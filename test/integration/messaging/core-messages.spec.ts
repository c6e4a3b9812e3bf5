import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type ArgumentsHost,
  type CanActivate,
  Catch,
  Controller,
  type ExceptionFilter,
  type ExecutionContext,
  Injectable,
  Scope,
  type Type,
  UseFilters,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import {
  Ctx,
  EventPattern,
  MessagePattern,
  NatsContext,
  NatsRecordBuilder,
  Payload,
  RpcException,
} from '@nestjs/microservices';
import { headers as natsHeaders } from '@nats-io/transport-node';
import { type CallContext, callContext, runWithContext } from '@rookery/context';
import { OrderCreated } from '@rookery/contracts/order/v1';
import { UserCreated } from '@rookery/contracts/user/v1';
import {
  DeadlineExceeded,
  FailedPrecondition,
  Internal,
  InvalidArgument,
  NotFound,
  PermissionDenied,
  Unavailable,
  Unknown,
} from '@rookery/errors';
import { IsInt, IsString } from 'class-validator';
import { Observable, lastValueFrom, map, of, toArray } from 'rxjs';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { App, type AppOptions } from './core-app.fixture.js';
import { soon } from './scenario.fixture.js';

class CheckDto {
  @IsString()
  sku!: string;

  @IsInt()
  quantity!: number;
}

describe.each([
  ['core NATS', () => inject('natsUrl')],
  ['in process', () => `memory://${randomUUID()}`],
])('messages over %s', (_, url) => {
  let natsUrl: string;
  let apps: App[];
  /** Nobody else's subjects. */
  let own: string;

  beforeEach(() => {
    natsUrl = url();
    apps = [];
    own = `t${randomUUID().replaceAll('-', '')}`;
  });
  afterEach(() => Promise.all(apps.map((app) => app.close())));

  async function start(options: Partial<AppOptions> = {}): Promise<App> {
    const app = await App.start({ natsUrl, ...options });
    apps.push(app);
    return app;
  }

  /** A controller with one method for requests on `subject`. */
  function answering(subject: string, answer: (payload: never, context: NatsContext) => unknown, options = {}): Type {
    @Controller()
    class Answering {
      @MessagePattern(`${own}.${subject}`, options)
      handle(@Payload() payload: never, @Ctx() context: NatsContext): unknown {
        return answer(payload, context);
      }
    }
    return Answering;
  }

  /** A controller with one method for messages on `subject`. */
  function hearing(subject: string, hear: (payload: never) => unknown, options = {}): Type {
    @Controller()
    class Hearing {
      @EventPattern(`${own}.${subject}`, options)
      handle(@Payload() payload: object): unknown {
        return hear(payload as never);
      }
    }
    return Hearing;
  }

  const call = (context: Partial<CallContext>): CallContext => ({
    requestId: 'r-1',
    signal: new AbortController().signal,
    ...context,
  });

  it('brings a request to its handler and the answer back', async () => {
    const seen: unknown[] = [];
    const app = await start({
      controllers: [
        answering('*.check', (payload: { sku: string }, context) => {
          seen.push(payload, context.getSubject(), context.getHeaders().get('x-colour'));
          return { left: 3, of: payload.sku };
        }),
      ],
    });
    const headers = { 'x-colour': 'blue' };
    expect(await app.client.request(`${own}.book.check`, { sku: 'book' }, { headers })).toEqual({
      left: 3,
      of: 'book',
    });
    expect(seen).toEqual([{ sku: 'book' }, `${own}.book.check`, 'blue']);
  });

  it.each([[undefined], [null], [0], [''], ['text'], [[1, 2]]])('answers with %j as it is', async (value) => {
    const app = await start({ controllers: [answering('value', (payload) => payload)] });
    expect(await app.client.request(`${own}.value`, value)).toEqual(value);
  });

  it('carries bytes without a codec, and protobuf with one', async () => {
    const app = await start({
      controllers: [
        answering('bytes', (payload: Buffer) => Buffer.concat([payload, Buffer.from([255])])),
        answering('typed', ({ id, userId }: OrderCreated) => ({ id: userId, email: id }), {
          payload: OrderCreated,
          reply: UserCreated,
        }),
      ],
    });
    expect(await app.client.request(`${own}.bytes`, Buffer.from([0]))).toEqual(Buffer.from([0, 255]));
    const codecs = { payload: OrderCreated, reply: UserCreated };
    const user = await app.client.request(`${own}.typed`, { id: 'o-1', userId: 'u-1' }, codecs);
    expect(user).toMatchObject({ id: 'u-1', email: 'o-1' });
    await expect(app.client.request(`${own}.typed`, { id: 'o-1' })).rejects.toThrow(InvalidArgument);
  });

  it('runs the handler in the call of the sender', async () => {
    let seen: Partial<CallContext> = {};
    const app = await start({
      controllers: [
        answering('context', async () => {
          await sleep(1);
          seen = { ...callContext() };
        }),
      ],
    });
    const context = {
      requestId: 'r-7',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      tracestate: 'a=1',
      tenant: 'acme',
      principal: 'ada',
      deadline: Date.now() + 5_000,
    };
    await runWithContext(call(context), () => app.client.request(`${own}.context`, {}));
    const { deadline, signal, ...carried } = seen;
    const { deadline: own5s, ...sent } = context;
    expect(carried).toEqual(sent);
    expect(Math.abs(deadline! - own5s)).toBeLessThan(1_000);
    expect(signal?.aborted).toBe(false);
  });

  it('takes no more of the sender than is safe, and no context of a sender without one', async () => {
    let seen: Partial<CallContext> = {};
    const app = await start({ controllers: [answering('context', () => void (seen = { ...callContext() }))] });
    const headers = { 'x-request-id': 'a b', 'x-tenant-id': 'a b', traceparent: 'nonsense', tracestate: 'a=1' };
    await app.client.request(`${own}.context`, {}, { headers });
    expect(seen).toMatchObject({ traceparent: undefined, tracestate: undefined, tenant: undefined });
    expect(seen.requestId).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('runs guards, pipes, interceptors and filters as Nest does', async () => {
    @Injectable()
    class Everywhere implements CanActivate {
      canActivate(context: ExecutionContext): boolean {
        return context.switchToRpc().getData<{ sku?: string }>().sku !== 'forbidden';
      }
    }
    class Never implements CanActivate {
      canActivate = () => false;
    }
    @Catch(NotFound)
    class Instead implements ExceptionFilter {
      catch(error: NotFound, host: ArgumentsHost): Observable<unknown> {
        return of({ instead: error.message, of: host.switchToRpc().getContext<NatsContext>().getSubject() });
      }
    }
    const doubled = {
      intercept: (_context: unknown, next: { handle(): Observable<number> }) => next.handle().pipe(map((n) => n * 2)),
    };

    @Controller()
    class Stock {
      @MessagePattern(`${own}.check`)
      @UseInterceptors(doubled)
      check(@Payload() { quantity }: CheckDto): number {
        return quantity;
      }

      @MessagePattern(`${own}.denied`)
      @UseGuards(Never)
      denied(): void {}

      @MessagePattern(`${own}.filtered`)
      @UseFilters(Instead)
      filtered(): void {
        throw new NotFound('no such book');
      }
    }
    const app = await start({ controllers: [Stock], providers: [{ provide: APP_GUARD, useClass: Everywhere }] });
    const { client } = app;
    expect(await client.request(`${own}.check`, { sku: 'book', quantity: 4 })).toBe(8);
    await expect(client.request(`${own}.check`, { sku: 'forbidden', quantity: 4 })).rejects.toThrow(PermissionDenied);
    await expect(client.request(`${own}.denied`, {})).rejects.toThrow(PermissionDenied);
    await expect(client.request(`${own}.check`, { sku: 'book', quantity: 'x' })).rejects.toMatchObject({
      constructor: InvalidArgument,
      violations: [{ field: 'quantity', description: 'quantity must be an integer number' }],
    });
    expect(await client.request(`${own}.filtered`, {})).toEqual({ instead: 'no such book', of: `${own}.filtered` });
  });

  it('makes a request-scoped controller for each message', async () => {
    let made = 0;
    @Controller({ path: own, scope: Scope.REQUEST })
    class Scoped {
      private readonly number = ++made;
      @MessagePattern(`${own}.scoped`)
      handle(): number {
        return this.number;
      }
      @MessagePattern(`${own}.scoped-failing`)
      fail(): void {
        throw new NotFound('gone');
      }
    }
    const { client } = await start({ controllers: [Scoped] });
    expect([await client.request(`${own}.scoped`, {}), await client.request(`${own}.scoped`, {})]).toEqual([1, 2]);
    await expect(client.request(`${own}.scoped-failing`, {})).rejects.toThrow(NotFound);
  });

  it('has the sender catch what the handler throws, and hides defects', async () => {
    const violation = { type: 'STATE', subject: 'stock/1', description: 'sold out' };
    const thrown: Record<string, unknown> = {
      missing: new NotFound('kein Büch', { reason: 'NO_BOOK', metadata: { sku: 'b' } }),
      state: new FailedPrecondition('no', { violations: [violation] }),
      defect: new TypeError('secret'),
      rpc: new RpcException('as you were'),
    };
    const app = await start({
      controllers: Object.entries(thrown).map(([name, error]) =>
        answering(name, () => {
          throw error;
        }),
      ),
    });
    const failure = (name: string) => app.client.request(`${own}.${name}`, {}).catch((error: unknown) => error);
    expect(await failure('missing')).toMatchObject({
      constructor: NotFound,
      message: 'kein Büch',
      reason: 'NO_BOOK',
      domain: 'stock-service',
      metadata: { sku: 'b' },
    });
    expect(await failure('state')).toMatchObject({ constructor: FailedPrecondition, violations: [violation] });
    expect(await failure('defect')).toMatchObject({ constructor: Internal, message: 'internal error' });
    expect(await failure('rpc')).toMatchObject({ constructor: Unknown, message: 'as you were' });
    expect(await app.handled(`${own}.missing`, 'NOT_FOUND')).toBe(1);
    expect(app.log.find(({ subject }) => subject === `${own}.defect`)).toMatchObject({
      code: 'INTERNAL',
      msg: 'message failed',
    });
    expect(JSON.stringify(app.log)).toContain('secret');
  });

  it('gives each of many requests its own answer', async () => {
    const wait = (n: number) => sleep(n % 7, n);
    const { client } = await start({ controllers: [answering('echo', wait)] });
    const numbers = Array.from({ length: 300 }, (_n, index) => index);
    expect(await Promise.all(numbers.map((n) => client.request(`${own}.echo`, n)))).toEqual(numbers);
  });

  it('says at once that nobody answers', async () => {
    const { client } = await start();
    await expect(client.request(`${own}.nobody`, {})).rejects.toMatchObject({
      constructor: Unavailable,
      reason: 'NO_RESPONDERS',
    });
  });

  it('ends the handler and the wait at the deadline, the nearest one', async () => {
    const reasons: unknown[] = [];
    const app = await start({
      controllers: [
        answering('slow', () => {
          const { signal } = callContext()!;
          signal.addEventListener('abort', () => reasons.push(signal.reason));
          return new Promise(() => undefined);
        }),
      ],
    });
    const slow = () => app.client.request(`${own}.slow`, {}, { timeout: '150ms' });
    await expect(slow()).rejects.toThrow(DeadlineExceeded);
    await soon(() => expect(reasons).toEqual([expect.any(DeadlineExceeded)]));
    const deadline = Date.now() + 50;
    await expect(runWithContext(call({ deadline }), slow)).rejects.toThrow(DeadlineExceeded);
    expect(Date.now() - deadline).toBeLessThan(90);
    await expect(runWithContext(call({ deadline: Date.now() - 1 }), slow)).rejects.toThrow('no time left');
    await soon(async () => expect(await app.handled(`${own}.slow`, 'DEADLINE_EXCEEDED')).toBe(2));
  });

  it('ends the wait when the call of the sender ends', async () => {
    const app = await start({
      env: { EVENTS_DRAIN_TIMEOUT: '50ms' },
      controllers: [answering('slow', () => new Promise(() => undefined))],
    });
    const ending = new AbortController();
    const reason = new Unavailable('the service stops');
    const waiting = runWithContext(call({ signal: ending.signal }), () => app.client.request(`${own}.slow`, {}));
    ending.abort(reason);
    await expect(waiting).rejects.toBe(reason);
  });

  it("is spoken by Nest's ClientProxy too, with all answers of an Observable", async () => {
    const heard: unknown[] = [];
    const later = new Observable<number>((subscriber) => {
      const timer = setInterval(() => subscriber.next(7), 1);
      return () => clearInterval(timer);
    });
    const app = await start({
      controllers: [
        answering('count', () => of(1, 2, 3)),
        answering('empty', () => of()),
        answering('endless', () => later),
        answering('failing', () => {
          throw new NotFound('gone');
        }),
        answering('headers', (_payload, context) => context.getHeaders().get('x-colour')),
        hearing('low', (payload) => heard.push(payload)),
      ],
    });
    const send = (subject: string, payload: unknown = {}) => app.proxy.send<unknown>(`${own}.${subject}`, payload);
    expect(await lastValueFrom(send('count').pipe(toArray()))).toEqual([1, 2, 3]);
    expect(await lastValueFrom(send('empty').pipe(toArray()))).toEqual([]);
    expect(await app.client.request(`${own}.count`, {})).toBe(1);
    expect(await app.client.request(`${own}.endless`, {}, { timeout: '500ms' })).toBe(7);
    await expect(lastValueFrom(send('failing'))).rejects.toThrow(NotFound);
    await expect(lastValueFrom(send('nobody'))).rejects.toThrow(Unavailable);
    const headers = natsHeaders();
    headers.set('x-colour', 'blue');
    expect(await lastValueFrom(send('headers', new NatsRecordBuilder({}).setHeaders(headers).build()))).toBe('blue');
    app.proxy.emit(`${own}.low`, { sku: 'book' });
    await soon(() => expect(heard).toEqual([{ sku: 'book' }]));
  });

  it('has replicas share the work, and every service hear what is published', async () => {
    const heard: Record<string, number[]> = { first: [], second: [], mail: [], cache1: [], cache2: [] };
    const hear = (name: string, options = {}) => hearing('low', (n) => heard[name]!.push(n), options);
    await start({ controllers: [hear('first'), hear('cache1', { queue: '' })] });
    await start({ controllers: [hear('second'), hear('cache2', { queue: '' })] });
    await start({ name: 'mail-service', controllers: [hear('mail')] });
    const { client } = await start({ name: 'shop-service' });
    const all = Array.from({ length: 40 }, (_n, index) => index);
    for (const index of all) await client.publish(`${own}.low`, index);
    const { first = [], second = [], mail, cache1, cache2 } = heard;
    const sorted = (numbers: number[]) => numbers.toSorted((one, other) => one - other);
    await soon(() => {
      expect(sorted([...first, ...second])).toEqual(all);
      expect([mail, cache1, cache2]).toEqual([all, all, all]);
    });
    expect(first).not.toHaveLength(0);
    expect(second).not.toHaveLength(0);
  });

  it('loses nothing where patterns overlap, and has the nearest one answer', async () => {
    const heard: Record<string, string[]> = { all: [], checks: [], twice: [] };
    const controllers = [
      hearing('>', (text) => heard.all!.push(text)),
      hearing('*.check', (text) => heard.checks!.push(text)),
      hearing('*.check', (text) => heard.twice!.push(text)),
      answering('*.check', () => 'any'),
      answering('book.check', () => 'book'),
    ];
    const app = await start({ controllers });
    await start({ controllers });
    const texts = Array.from({ length: 50 }, (_n, index) => `${index}`.padStart(2, '0'));
    const answers = [];
    for (const text of texts) answers.push(await app.client.request(`${own}.book.check`, text));
    expect(new Set(answers)).toEqual(new Set(['book']));
    await soon(() => {
      for (const got of Object.values(heard)) expect(got.toSorted()).toEqual(texts);
    });
    expect(await app.client.request(`${own}.pen.check`, '')).toBe('any');
  });

  it('does not begin with patterns that cannot work', async () => {
    await expect(start({ controllers: [answering('a b', () => 1)] })).rejects.toThrow('is no pattern of NATS');
    const twice = [answering('same', () => 1), answering('same', () => 2)];
    await expect(start({ controllers: twice })).rejects.toThrow('more than one @MessagePattern');
    const { client } = await start();
    await expect(client.publish(`${own}.*`, {})).rejects.toThrow('no subject of a message');
  });

  it('refuses what does not fit', async () => {
    const app = await start({ controllers: [answering('large', () => 'x'.repeat(1_000_001))] });
    const tooLarge = { reason: 'MESSAGE_TOO_LARGE' };
    await expect(app.client.publish(`${own}.large`, 'x'.repeat(1_000_000))).rejects.toMatchObject(tooLarge);
    await expect(app.client.request(`${own}.large`, {})).rejects.toMatchObject(tooLarge);
  });

  describe('while the service stops', () => {
    it('running handlers finish and answer, and others take what comes', async () => {
      let finish = () => {};
      const held = new Promise<string>((resolve) => (finish = () => resolve('done')));
      const begun: string[] = [];
      const stopping = await start({
        controllers: [
          answering('work', (text: string) => {
            begun.push(text);
            // What comes before the server knows that nobody listens any more is answered as well.
            return text === 'first' ? held : 'late';
          }),
        ],
      });
      const { client } = await start({ name: 'shop-service' });
      const running = client.request(`${own}.work`, 'first');
      await soon(() => expect(begun).toEqual(['first']));
      const stopped = stopping.stopServing();
      await soon(() =>
        expect(client.request(`${own}.work`, 'late')).rejects.toMatchObject({ reason: 'NO_RESPONDERS' }),
      );
      await start({ controllers: [answering('work', () => 'by another')] });
      expect(await client.request(`${own}.work`, 'second')).toBe('by another');
      finish();
      await stopped;
      await stopping.close();
      expect(await running).toBe('done');
    });

    it('those that take too long are ended, and their senders told', async () => {
      let reason: unknown;
      let begun = false;
      const stopping = await start({
        env: { EVENTS_DRAIN_TIMEOUT: '50ms' },
        controllers: [
          answering('work', () => {
            const { signal } = callContext()!;
            signal.addEventListener('abort', () => (reason = signal.reason));
            begun = true;
            return new Promise(() => undefined);
          }),
        ],
      });
      const { client } = await start({ name: 'shop-service' });
      const running = client.request(`${own}.work`, {}).catch((error: unknown) => error);
      await soon(() => expect(begun).toBe(true));
      await stopping.stopServing();
      expect(reason).toMatchObject({ reason: 'SHUTTING_DOWN' });
      expect(await running).toMatchObject({ constructor: Unavailable, reason: 'SHUTTING_DOWN' });
    });
  });
});
