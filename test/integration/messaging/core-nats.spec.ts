import { Controller } from '@nestjs/common';
import { ClientNats, EventPattern, MessagePattern, Payload } from '@nestjs/microservices';
import { NotFound, Unavailable } from '@rookery/errors';
import { lastValueFrom, of, toArray } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { App } from './core-app.fixture.js';
import { NatsServer, operator } from './nats-server.fixture.js';
import { soon } from './scenario.fixture.js';

let server: NatsServer;
let apps: App[];
let heard: unknown[];

@Controller()
class StockController {
  @MessagePattern('stock.v1.check')
  check(@Payload() { sku }: { sku: string }): { left: number } {
    if (sku === 'none') throw new NotFound('no such book');
    return { left: 3 };
  }

  @MessagePattern({ cmd: 'count' })
  count() {
    return of(1, 2);
  }

  @MessagePattern('stock.never')
  never(): Promise<void> {
    return new Promise(() => undefined);
  }

  @EventPattern('stock.v1.low')
  low(@Payload() payload: unknown): void {
    heard.push(payload);
  }
}

beforeEach(async () => {
  server = await NatsServer.prepare();
  apps = [];
  heard = [];
});
afterEach(async () => {
  server.thaw();
  await Promise.all(apps.map((app) => app.close()));
  await server.remove();
});

async function start(connected = true, env: Record<string, string> = {}): Promise<App> {
  const app = await App.start({ natsUrl: server.url, controllers: [StockController], connected, env });
  apps.push(app);
  return app;
}

const check = (app: App) => app.client.request('stock.v1.check', { sku: 'book' }, { timeout: '2s' });

describe('when NATS goes away', () => {
  it('a service starts without it, refuses to send, and serves as soon as it is there', async () => {
    const app = await start(false);
    await expect(check(app)).rejects.toThrow(Unavailable);
    await expect(app.client.publish('stock.v1.low', 1)).rejects.toThrow(Unavailable);
    server.start();
    await soon(async () => expect(await check(app)).toEqual({ left: 3 }));
  });

  it('requests that wait fail at once, and all is served again when it is back, each time', async () => {
    server.start();
    const app = await start(true, { EVENTS_DRAIN_TIMEOUT: '100ms' });
    for (const round of [1, 2]) {
      expect(await check(app)).toEqual({ left: 3 });
      const waiting = app.client.request('stock.never', {}, { timeout: '1m' }).catch((error: unknown) => error);
      await server.stop();
      expect(await waiting).toMatchObject({ constructor: Unavailable, reason: 'CONNECTION_LOST' });
      await soon(() => expect(app.up).toBe(false));
      await expect(check(app)).rejects.toThrow(Unavailable);
      server.start();
      await soon(async () => expect(await check(app)).toEqual({ left: 3 }));
      await app.client.publish('stock.v1.low', round);
      await soon(() => expect(heard).toContain(round));
    }
    expect(heard).toEqual([1, 2]);
  });

  it('a service stops at once', async () => {
    server.start();
    const app = await start();
    await server.stop();
    await soon(() => expect(app.up).toBe(false));
    const started = performance.now();
    await app.close();
    expect(performance.now() - started).toBeLessThan(5_000);
  });

  it('a service that gets no word of it stops after its drain timeout', async () => {
    server.start();
    const app = await start(true, { EVENTS_DRAIN_TIMEOUT: '200ms' });
    server.freeze();
    const started = performance.now();
    await app.close();
    expect(performance.now() - started).toBeLessThan(6_000);
  });
});

it("Nest's own NATS client is answered in its own form", async () => {
  server.start();
  await start();
  const client = new ClientNats({ servers: [new URL(server.url).host] });
  const send = (pattern: unknown, data: unknown) => lastValueFrom(client.send<unknown>(pattern, data).pipe(toArray()));
  try {
    expect(await send('stock.v1.check', { sku: 'book' })).toEqual([{ left: 3 }]);
    expect(await send({ cmd: 'count' }, {})).toEqual([1, 2]);
    await expect(send('stock.v1.check', { sku: 'none' })).rejects.toMatchObject({
      status: 'error',
      message: 'no such book',
      code: 'NOT_FOUND',
    });
    client.emit('stock.v1.low', { sku: 'book' });
    await soon(() => expect(heard).toEqual([{ sku: 'book' }]));
  } finally {
    await client.close();
  }
});

it('a client that knows nothing of Rookery reads answers and failures as JSON', async () => {
  server.start();
  await start();
  const { nats } = await operator(server.url);
  try {
    const answer = await nats.request('stock.v1.check', '{"sku":"book"}', { timeout: 5_000 });
    expect(answer.json()).toEqual({ left: 3 });
    const failure = await nats.request('stock.v1.check', '{"sku":"none"}', { timeout: 5_000 });
    expect(failure.json()).toMatchObject({ title: 'Not found', status: 404, detail: 'no such book' });
    const unreadable = await nats.request('stock.v1.check', '{', { timeout: 5_000 });
    expect(unreadable.json()).toMatchObject({ code: 'INVALID_ARGUMENT', detail: 'the payload is no JSON' });
  } finally {
    await nats.close();
  }
});

it('an acknowledgement of JetStream is not taken for the answer', async () => {
  server.start();
  const app = await start();
  const { nats, jetstream } = await operator(server.url);
  try {
    await jetstream.streams.add({ name: 'stock_v1', subjects: ['stock.v1.>'] });
    for (let index = 0; index < 20; index++) expect(await check(app)).toEqual({ left: 3 });
    const stored = async () => (await jetstream.streams.info('stock_v1')).state.messages;
    await soon(async () => expect(await stored()).toBe(20));
  } finally {
    await nats.close();
  }
});
