import { randomUUID } from 'node:crypto';
import { OrderCreated } from '@rookery/contracts/order/v1';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Delivery, type PublishedEvent, newEvent } from './event.js';
import type { EventBus, EventSubscription } from './event-bus.js';
import type { Held, Leases } from './leases.js';
import { DONE, type Settlement } from './settlement.js';

/** How the contract gets at a driver. Buses opened here share one transport, as services of one platform do. */
export interface BusUnderTest {
  open(service: string): EventBus;
}

/** Events of one type that a member handles at once, in these tests. */
const CONCURRENCY = 4;

/** Leases of one process: the first who asks has it until it lets go. */
class LocalLeases implements Leases {
  private readonly ends = new Map<string, Promise<void>>();

  async hold(name: string, signal: AbortSignal): Promise<Held> {
    const before = this.ends.get(name);
    let release = () => {};
    const end = new Promise<void>((resolve) => (release = resolve));
    this.ends.set(
      name,
      (before ?? Promise.resolve()).then(() => end),
    );
    await before;
    if (signal.aborted) release();
    signal.throwIfAborted();
    return { lost: new AbortController().signal, release: async () => release() };
  }
}

const PATIENCE = { timeout: 10_000, interval: 5 };
const soon = <T>(check: () => T) => vi.waitFor(check, PATIENCE);
const again: Settlement = { kind: 'retry', delay: 20 };

/** What every driver of `EventBus` promises. */
export function eventBusContract(driver: string, underTest: () => BusUnderTest): void {
  describe(`the ${driver} bus`, () => {
    let opened: EventBus[] = [];
    let stops: (() => Promise<void>)[] = [];
    let group: string;
    let type: string;

    beforeEach(() => {
      // Streams outlive a test: nobody else's events must come here.
      group = `mail-${randomUUID()}`;
      type = `contract.v1.T${randomUUID().replaceAll('-', '')}`;
    });
    afterEach(async () => {
      await Promise.all(stops.splice(0).map((stop) => stop()));
      await Promise.all(opened.splice(0).map((bus) => bus.close()));
    });

    function open(service = 'shop'): EventBus {
      const bus = underTest().open(service);
      opened.push(bus);
      return bus;
    }

    function subscribe(bus: EventBus, handle: (delivery: Delivery) => Promise<Settlement>, name = group) {
      const stop = bus.subscribe({ group: name, type, concurrency: CONCURRENCY, handle });
      stops.push(stop);
      return stop;
    }

    function subscribeInOrder(bus: EventBus, ofType: string, leases: Leases, handle: EventSubscription['handle']) {
      stops.push(bus.subscribe({ group, type: ofType, concurrency: CONCURRENCY, ordered: leases, handle }));
    }

    function event(key?: string, ofType = type): PublishedEvent {
      const made = newEvent(OrderCreated, { id: key ?? 'o-1' }, { source: 'shop', key });
      return { ...made, type: ofType, headers: { ...made.headers, 'ce-type': ofType } };
    }

    /** As the relay does: until the bus takes it. */
    async function publish(bus: EventBus, published: PublishedEvent): Promise<void> {
      await vi.waitFor(() => bus.publish(published), PATIENCE);
    }

    it('delivers an event as it was published', async () => {
      const bus = open();
      const received: Delivery[] = [];
      subscribe(open('mail'), async (delivery) => (received.push(delivery), DONE));
      const published = event('tür 7');
      await publish(bus, published);
      await soon(() => expect(received).toHaveLength(1));
      const { event: got, attempt } = received[0]!;
      expect(attempt).toBe(1);
      expect({ ...got, payload: Buffer.from(got.payload) }).toEqual({
        ...published,
        payload: Buffer.from(published.payload),
      });
    });

    it('delivers each event to each group, and to one member of a group', async () => {
      const received = { first: [] as string[], second: [] as string[], other: [] as string[] };
      for (const member of ['first', 'second'] as const) {
        subscribe(open('mail'), async ({ event }) => (received[member].push(event.id), DONE));
      }
      subscribe(open('audit'), async ({ event }) => (received.other.push(event.id), DONE), `audit-${group}`);
      const bus = open();
      const events = Array.from({ length: 40 }, () => event());
      for (const one of events) await publish(bus, one);
      const ids = events.map(({ id }) => id).sort();
      await soon(() => expect([...received.first, ...received.second].sort()).toEqual(ids));
      await soon(() => expect([...received.other].sort()).toEqual(ids));
      expect(received.first).not.toHaveLength(0);
      expect(received.second).not.toHaveLength(0);
    });

    it('delivers a failed event again, counting the attempts, and goes on with others meanwhile', async () => {
      const seen: string[] = [];
      const poison = event('poison');
      const fine = event('fine');
      let fineArrived = false;
      subscribe(open('mail'), async ({ event, attempt }) => {
        seen.push(`${event.key} ${attempt}`);
        fineArrived ||= event.id === fine.id;
        return event.id === poison.id && !(attempt >= 3 && fineArrived) ? again : DONE;
      });
      const bus = open();
      const published = [publish(bus, poison), publish(bus, fine)];
      await Promise.all(published);
      await soon(() => expect(seen).toEqual(expect.arrayContaining(['poison 1', 'poison 2', 'poison 3', 'fine 1'])));
      expect(seen.filter((line) => line.startsWith('fine'))).toEqual(['fine 1']);
    });

    it('delivers again what a subscription failed to settle', async () => {
      const attempts: number[] = [];
      subscribe(open('mail'), async ({ attempt }) => {
        attempts.push(attempt);
        if (attempt === 1) throw new Error('a defect');
        return DONE;
      });
      await publish(open(), event());
      await soon(() => expect(attempts).toEqual([1, 2]));
    });

    it('delivers a dead event no more, and the next one all the same', async () => {
      const seen: string[] = [];
      subscribe(open('mail'), async ({ event }) => {
        seen.push(event.key!);
        return event.key === 'poison' ? { kind: 'dead', reason: 'it is poison' } : DONE;
      });
      const bus = open();
      await publish(bus, event('poison'));
      await publish(bus, event('fine'));
      await soon(() => expect(seen).toContain('fine'));
      expect(seen.filter((key) => key === 'poison')).toHaveLength(1);
    });

    it('handles no more events at once than it may', async () => {
      const concurrency = CONCURRENCY;
      let running = 0;
      let most = 0;
      let done = 0;
      let release = () => {};
      const held = new Promise<void>((resolve) => (release = resolve));
      subscribe(open('mail'), async () => {
        most = Math.max(most, ++running);
        if (running === concurrency) release();
        await held;
        running--;
        done++;
        return DONE;
      });
      const bus = open();
      await Promise.all(Array.from({ length: concurrency * 4 }, () => publish(bus, event())));
      await soon(() => expect(done).toBe(concurrency * 4));
      expect(most).toBe(concurrency);
    });

    it('waits for the running handlers when a subscription stops, and keeps what comes later for the next one', async () => {
      const first: string[] = [];
      let release = () => {};
      const held = new Promise<void>((resolve) => (release = resolve));
      const stop = subscribe(open('mail'), async ({ event }) => {
        first.push(`begin ${event.key}`);
        await held;
        first.push(`end ${event.key}`);
        return DONE;
      });
      const bus = open();
      const running = publish(bus, event('a'));
      await soon(() => expect(first).toEqual(['begin a']));
      const stopped = stop();
      release();
      await stopped;
      await running;
      expect(first).toEqual(['begin a', 'end a']);

      const late = publish(bus, event('b'));
      const second: string[] = [];
      subscribe(open('mail'), async ({ event }) => (second.push(event.key!), DONE));
      await late;
      await soon(() => expect(second).toEqual(['b']));
      expect(first).toEqual(['begin a', 'end a']);
    });

    it('keeps the order of a key over members and types where asked, and other keys go on', async () => {
      // A package, and with that a stream, of this test's own.
      const pack = `ordered.v1.p${randomUUID().replaceAll('-', '')}`;
      const types = [`${pack}.Placed`, `${pack}.Shipped`] as const;
      const seen: string[] = [];
      let running = 0;
      let mended = false;
      const leases = new LocalLeases();
      for (const member of [open('mail'), open('mail')]) {
        for (const ofType of types) {
          subscribeInOrder(member, ofType, leases, async ({ event: { key } }) => {
            if (key === 'a') expect(++running).toBe(1);
            await Promise.resolve();
            if (key === 'a') running--;
            if (key === 'a' && !mended) return again;
            seen.push(`${key} ${ofType === types[0] ? 'placed' : 'shipped'}`);
            return DONE;
          });
        }
      }
      const bus = open();
      await publish(open(), event('warm-up', types[0]));
      // What the bus takes, it takes in this order; in the process it is done with them only when they are handled.
      const published = [types[0], types[1], types[0]].map((ofType) => publish(bus, event('a', ofType)));
      const others = ['b', 'c', 'd'];
      await Promise.all(others.map((key) => publish(bus, event(key, types[1]))));
      await soon(() => expect(seen).toEqual(expect.arrayContaining(others.map((key) => `${key} shipped`))));
      expect(seen.filter((line) => line.startsWith('a'))).toEqual([]);
      mended = true;
      await Promise.all(published);
      await soon(() =>
        expect(seen.filter((line) => line.startsWith('a'))).toEqual(['a placed', 'a shipped', 'a placed']),
      );
    });

    it('says that it is up', async () => {
      const bus = open();
      await soon(() => expect(bus.state().up).toBe(true));
    });
  });
}
