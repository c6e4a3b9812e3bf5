import { randomUUID } from 'node:crypto';
import { type MsgHdrs, headers as newHeaders } from '@nats-io/transport-node';
import { Code, type RookeryError } from '@rookery/errors';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Message, MessageBus, ReceivedMessage, Reply, ReplyListener } from './message-bus.js';

/** How the contract gets at a driver. Buses opened here share one transport, as services of one platform do. */
export interface BusUnderTest {
  /** Resolves when it is connected. */
  open(): Promise<MessageBus>;
  close(bus: MessageBus): Promise<void>;
}

const soon = <T>(check: () => T) => vi.waitFor(check, { timeout: 10_000, interval: 5 });

/** What every driver of `MessageBus` promises. */
export function messageBusContract(driver: string, underTest: () => BusUnderTest): void {
  describe(`messages (${driver})`, () => {
    let opened: MessageBus[];
    let prefix: string;

    beforeEach(() => {
      opened = [];
      // Nobody else's messages must come here.
      prefix = `t${randomUUID().replaceAll('-', '')}`;
    });
    afterEach(() => Promise.all(opened.map((bus) => underTest().close(bus))));

    async function open(): Promise<MessageBus> {
      const bus = await underTest().open();
      opened.push(bus);
      return bus;
    }

    const message = (subject: string, text = '', headers: MsgHdrs = newHeaders()): Message => ({
      subject: `${prefix}.${subject}`,
      headers,
      data: Buffer.from(text),
    });
    const answer = (text: string): Reply => ({ headers: newHeaders(), data: Buffer.from(text) });
    const text = ({ data }: Reply) => Buffer.from(data).toString();

    /** Subscribed for good: whatever is sent from now on, by anyone, is received. */
    async function subscribe(
      bus: MessageBus,
      subject: string,
      queue: string | undefined,
      receive: (message: ReceivedMessage) => void,
    ): Promise<() => Promise<void>> {
      const stop = bus.subscribe({ subject: `${prefix}.${subject}`, queue, receive });
      await bus.flush();
      return stop;
    }

    /** Collects what a request hears. */
    function hearing(): ReplyListener & { heard: string[] } {
      const heard: string[] = [];
      return {
        heard,
        replied: (reply) => heard.push(text(reply)),
        failed: (error: RookeryError) => heard.push(`${Code[error.code]} ${error.reason}`),
      };
    }

    it('carries subject, headers and bytes as they are', async () => {
      const received: ReceivedMessage[] = [];
      await subscribe(await open(), 'stock.*', 'shop', (one) => received.push(one));
      const headers = newHeaders();
      headers.set('x-colour', 'blue');
      const sent = { ...message('stock.low', '', headers), data: Buffer.from([0, 255, 10]) };
      (await open()).publish(sent);
      await soon(() => expect(received).toHaveLength(1));
      const [got] = received;
      expect(got!.subject).toBe(sent.subject);
      expect(got!.headers.get('x-colour')).toBe('blue');
      expect(Buffer.from(got!.data)).toEqual(sent.data);
      expect(got!.respond).toBeUndefined();
    });

    it('gives a message to one member of each queue group, and to everyone without a group', async () => {
      const received: Record<string, string[]> = { a1: [], a2: [], b: [], alone1: [], alone2: [] };
      for (const name of Object.keys(received)) {
        const queue = name.startsWith('alone') ? undefined : name[0];
        await subscribe(await open(), 'stock.low', queue, (one) => received[name]!.push(text(one)));
      }
      const bus = await open();
      const texts = Array.from({ length: 40 }, (_, index) => String(index));
      for (const one of texts) bus.publish(message('stock.low', one));
      const { a1 = [], a2 = [], ...others } = received;
      await soon(() => {
        expect([...a1, ...a2].sort()).toEqual([...texts].sort());
        for (const all of Object.values(others)) expect(all).toEqual(texts);
      });
      expect(a1).not.toHaveLength(0);
      expect(a2).not.toHaveLength(0);
    });

    it('gives a message to one subscription of a group even where several subjects match it', async () => {
      const received: string[] = [];
      const bus = await open();
      for (const subject of ['stock.low', 'stock.*', '>']) {
        await subscribe(bus, subject, 'shop', (one) => received.push(text(one)));
      }
      const sender = await open();
      for (let index = 0; index < 30; index++) sender.publish(message('stock.low', String(index)));
      // Messages of one sender arrive in their order, so nothing comes after the last one.
      sender.publish(message('other', 'end'));
      await soon(() => expect(received).toContain('end'));
      expect(received).toEqual([...Array.from({ length: 30 }, (_, index) => String(index)), 'end']);
    });

    it('brings every answer to who asked, until he has heard enough', async () => {
      await subscribe(await open(), 'count', 'shop', (one) => {
        for (const number of ['1', '2', '3']) one.respond!(answer(number));
      });
      const bus = await open();
      const [first, second] = [hearing(), hearing()];
      const close = bus.request(message('count'), {
        ...first,
        replied: (reply) => {
          first.replied(reply);
          if (first.heard.length === 2) close();
        },
      });
      bus.request(message('count'), second);
      await soon(() => expect(second.heard).toEqual(['1', '2', '3']));
      expect(first.heard).toEqual(['1', '2']);
    });

    it('tells at once who asks where nobody listens', async () => {
      const bus = await open();
      const listener = hearing();
      bus.request(message('nobody'), listener);
      expect(listener.heard).toEqual([]);
      await soon(() => expect(listener.heard).toEqual(['UNAVAILABLE NO_RESPONDERS']));
    });

    it('has a subscription that ends receive what was sent before, and nothing after', async () => {
      const received: string[] = [];
      const sender = await open();
      const stop = await subscribe(await open(), 'stock.low', 'shop', (one) => received.push(text(one)));
      for (let index = 0; index < 100; index++) sender.publish(message('stock.low', String(index)));
      await sender.flush();
      await stop();
      expect(received).toHaveLength(100);
      const listener = hearing();
      sender.request(message('stock.low', 'late'), listener);
      await soon(() => expect(listener.heard).toEqual(['UNAVAILABLE NO_RESPONDERS']));
      expect(received).toHaveLength(100);
    });
  });
}
