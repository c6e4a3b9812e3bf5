import { randomUUID } from 'node:crypto';
import { OrderCreated } from '@rookery/contracts/order/v1';
import { Unavailable } from '@rookery/errors';
import pino from 'pino';
import { expect, it, vi } from 'vitest';
import { newEvent } from './event.js';
import { eventBusContract } from './event-bus.contract.js';
import { InProcessBus } from './in-process.bus.js';
import { DONE, type Settlement } from './settlement.js';

const options = { drainTimeout: 5_000, maxDeliveries: 5, backoffFirst: 5, backoffLongest: 20 };
const logger = pino({ level: 'silent' });
const created = () => newEvent(OrderCreated, { id: 'o-1' }, { source: 'shop' });
const on = (group: string, handle: () => Promise<Settlement>) => ({
  group,
  type: OrderCreated.$type,
  concurrency: 4,
  handle,
});

const hub = randomUUID();
eventBusContract('in-process', () => ({ open: () => new InProcessBus(hub, options, logger) }));

it('publish resolves when every group is done, not before', async () => {
  const bus = new InProcessBus(randomUUID(), options, logger);
  let release = () => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  const order: string[] = [];
  bus.subscribe(on('mail', async () => DONE));
  bus.subscribe(
    on('audit', async () => {
      await held;
      order.push('handled');
      return DONE;
    }),
  );
  const published = bus.publish(created()).then(() => order.push('published'));
  release();
  await published;
  expect(order).toEqual(['handled', 'published']);
});

it('keeps what was given up, and says so', async () => {
  const error = vi.fn();
  const bus = new InProcessBus(randomUUID(), options, Object.assign(pino({ level: 'silent' }), { error }));
  bus.subscribe(on('mail', async () => ({ kind: 'dead', reason: 'no such customer' })));
  const event = created();
  await bus.publish(event);
  expect(bus.deadLetters).toEqual([{ group: 'mail', event, attempts: 1, reason: 'no such customer' }]);
  const { id, type, headers } = event;
  const payload = Buffer.from(event.payload).toString('base64');
  const line = { event: id, type, headers, payload, group: 'mail', attempts: 1, reason: 'no such customer' };
  expect(error).toHaveBeenCalledWith(line, 'dead letter');
});

it('logs no more than 64 KiB of what was given up, and how much it was', async () => {
  const error = vi.fn<(line: Record<string, unknown>) => void>();
  const bus = new InProcessBus(randomUUID(), options, Object.assign(pino({ level: 'silent' }), { error }));
  bus.subscribe(on('mail', async () => ({ kind: 'dead', reason: 'no such customer' })));
  await bus.publish({ ...created(), payload: new Uint8Array(100_000) });
  const line = error.mock.calls[0]![0];
  expect(line).toMatchObject({ payloadBytes: 100_000 });
  expect(Buffer.from(line.payload as string, 'base64')).toHaveLength(65_536);
});

it('refuses an event whose consumers have stopped, so that it stays in the outbox', async () => {
  const bus = new InProcessBus(randomUUID(), options, logger);
  const stop = bus.subscribe(on('mail', async () => DONE));
  await stop();
  await expect(bus.publish(created())).rejects.toThrow(Unavailable);
});

it('stops waiting for the next attempt when the publisher gives up', async () => {
  const bus = new InProcessBus(randomUUID(), options, logger);
  const handle = vi.fn(async (): Promise<Settlement> => ({ kind: 'retry', delay: 3_600_000 }));
  bus.subscribe(on('mail', handle));
  const giveUp = new AbortController();
  const published = bus.publish(created(), giveUp.signal);
  await vi.waitFor(() => expect(handle).toHaveBeenCalledOnce());
  giveUp.abort();
  await expect(published).rejects.toThrow('aborted');
});

it('does away with a hub when its last bus is closed', async () => {
  const name = randomUUID();
  const buses = [new InProcessBus(name, options, logger), new InProcessBus(name, options, logger)] as const;
  buses[0].subscribe(on('mail', async () => ({ kind: 'dead', reason: 'poison' })));
  await buses[1].publish(created());
  expect(buses[1].deadLetters).toHaveLength(1);
  await Promise.all(buses.map((bus) => bus.close()));
  expect(new InProcessBus(name, options, logger).deadLetters).toEqual([]);
});
