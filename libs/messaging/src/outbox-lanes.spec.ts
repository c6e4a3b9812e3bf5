import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { EventBus } from './event-bus.js';
import { OutboxLanes } from './outbox-lanes.js';
import type { LeftEvent, QueuedEvent, ReadOptions, Reading } from './outbox-queue.js';

// Thousands of events over minutes of faked time: seconds of work, and more beside other tests.
vi.setConfig({ testTimeout: 30_000 });

/** Takes or refuses at once, or as late as the test says. */
class Bus extends EventBus {
  window = 1024;
  /** Events in the order in which the bus took them, as `type key`. */
  readonly taken: string[] = [];
  tried = 0;
  takes: (event: QueuedEvent) => Promise<void> | void = () => undefined;

  async publish(event: QueuedEvent): Promise<void> {
    this.tried++;
    await this.takes(event);
    this.taken.push(`${event.type} ${event.key}`);
  }
  subscribe = () => () => Promise.resolve();
  state = () => ({ up: true });
  close = () => Promise.resolve();
}

/** The outbox and its one reader, as `OutboxQueue` reads it. */
class Reader {
  readonly bus = new Bus();
  readonly ending = new AbortController();
  readonly published = new Set<string>();
  readonly refused: string[] = [];
  readonly lanes = new OutboxLanes(
    this.bus,
    {
      published: ({ position }) => void this.published.add(position),
      refused: ({ position }) => void this.refused.push(position),
      idle: () => undefined,
    },
    this.ending.signal,
  );
  private rows: QueuedEvent[] = [];
  private last = 0;

  add(type: string, key: string, size = 10): void {
    const position = String(++this.last);
    this.rows.push({ position, id: position, type, key, headers: {}, payload: new Uint8Array(size) });
  }

  get left(): string[] {
    return this.rows.filter(({ position }) => !this.published.has(position)).map(({ type, key }) => `${type} ${key}`);
  }

  read(): { room: ReadOptions; reading: Reading } {
    this.rows = this.rows.filter(({ position }) => !this.published.has(position));
    const room = this.lanes.room({ position: 0, settled: 0, likely: 0 });
    const { range } = room;
    let bytes = room.bytes;
    let cut = false;
    const within = (rows: QueuedEvent[], limit: number) => {
      const result: (QueuedEvent | LeftEvent)[] = [];
      for (const row of rows.slice(0, limit)) {
        cut ||= bytes <= 0;
        if (cut) break;
        const left = room.withoutTypes.includes(row.type);
        if (!left) bytes -= row.payload.length;
        result.push(left ? { position: row.position, key: row.key! } : row);
      }
      return result;
    };
    const unread = this.rows.filter(({ position }) => !room.withoutPositions.includes(position));
    const more = room.more.flatMap(({ key, after }) =>
      within(
        unread.filter((row) => row.key === key && Number(row.position) > after),
        room.moreLimit,
      ),
    );
    const inRange = ({ position, key }: QueuedEvent) =>
      Number(position) > range!.after && Number(position) <= range!.upTo && !room.withoutKeys.includes(key!);
    const reading = { more, range: range ? within(unread.filter(inRange), room.limit) : [], cut, last: this.last };
    return { room, reading };
  }

  /** Some looks at the outbox, with time for the bus between them. */
  async looks(count: number, pause = 1): Promise<void> {
    for (let n = 0; n < count; n++) {
      const { room, reading } = this.read();
      this.lanes.take(room, reading);
      await vi.advanceTimersByTimeAsync(pause);
    }
  }
}

let outbox: Reader;

beforeEach(() => {
  vi.useFakeTimers();
  outbox = new Reader();
});
afterEach(() => {
  outbox.ending.abort();
  vi.useRealTimers();
});

const refuse = () => Promise.reject(new Error('refused'));
const numbers = (count: number) => Array.from({ length: count }, (_, index) => index);

it('publishes the events of a key one after the other, those of others meanwhile', async () => {
  const answers: (() => void)[] = [];
  outbox.bus.takes = ({ key }) => (key === 'slow' ? new Promise((resolve) => answers.push(resolve)) : undefined);
  for (const type of ['one', 'two']) for (const key of ['slow', 'quick']) outbox.add(type, key);
  await outbox.looks(3);
  expect(outbox.bus.taken).toEqual(['one quick', 'two quick']);
  answers[0]!();
  await outbox.looks(1);
  answers[1]!();
  await outbox.looks(1);
  expect(outbox.bus.taken.slice(2)).toEqual(['one slow', 'two slow']);
  expect(outbox.left).toEqual([]);
});

describe('after too many were refused', () => {
  it.each([1, 2])(
    'one that is always refused, of %i types, keeps no others out once the bus is back',
    async (types) => {
      for (const n of numbers(3)) outbox.add('a', `poison-${n}`, 600_000);
      outbox.bus.takes = ({ payload }) => (payload.length > 500_000 ? refuse() : undefined);
      await outbox.looks(5, 500);
      outbox.bus.takes = refuse;
      for (const n of numbers(2_000)) outbox.add('ab'[n % types]!, `key-${n}`);
      await outbox.looks(20, 500);
      outbox.bus.takes = ({ payload }) => (payload.length > 500_000 ? refuse() : undefined);
      await outbox.looks(60, 500);
      expect(outbox.left).toEqual(numbers(3).map((n) => `a poison-${n}`));
    },
  );

  it('few keys with many events each make room for others', async () => {
    outbox.bus.takes = ({ type }) => (type === 'a' ? refuse() : undefined);
    for (const key of numbers(16)) for (const _ of numbers(64)) outbox.add('a', `key-${key}`);
    outbox.add('b', 'other');
    await outbox.looks(20, 100);
    expect(outbox.bus.taken).toEqual(['b other']);
  });

  it('nothing is overtaken by another of its key', async () => {
    outbox.bus.takes = refuse;
    for (const n of numbers(1_500)) outbox.add('a', `key-${n}`);
    for (const n of numbers(1_500)) outbox.add('b', `key-${n}`);
    await outbox.looks(30, 100);
    let answers = 0;
    outbox.bus.takes = () => (++answers % 3 === 0 ? refuse() : undefined);
    await outbox.looks(300, 100);
    expect(outbox.left).toEqual([]);
    const { taken } = outbox.bus;
    for (const n of numbers(1_500)) expect(taken.indexOf(`a key-${n}`)).toBeLessThan(taken.indexOf(`b key-${n}`));
  });
});

describe('what the bus has taken is published', () => {
  it('also when it took so long that its place was needed', async () => {
    outbox.bus.takes = ({ position }) => new Promise((resolve) => setTimeout(resolve, 2_000 + Number(position)));
    for (const n of numbers(1_024)) outbox.add('a', `key-${n}`);
    await outbox.looks(40, 100);
    expect(outbox.left).toEqual([]);
    await outbox.looks(100, 100);
    expect(outbox.bus.tried).toBe(1_024);
  });

  it('also when it did so after the end, and nothing is begun after that', async () => {
    outbox.bus.takes = () => new Promise((resolve) => setTimeout(resolve, 100));
    outbox.add('a', 'key');
    outbox.add('b', 'key');
    await outbox.looks(1);
    outbox.ending.abort();
    await vi.advanceTimersByTimeAsync(1_000);
    await outbox.lanes.ended();
    expect(outbox.left).toEqual(['b key']);
    expect(outbox.bus.tried).toBe(1);
  });
});

describe('after the end', () => {
  it('what was read before is not published', async () => {
    outbox.add('a', 'key');
    const { room, reading } = outbox.read();
    outbox.ending.abort();
    outbox.lanes.take(room, reading);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(outbox.bus.tried).toBe(0);
  });

  it('what waits for its next attempt gets none, and is waited for no longer', async () => {
    outbox.bus.takes = refuse;
    for (const n of numbers(100)) outbox.add('a', `key-${n}`);
    await outbox.looks(1, 5_000);
    const { tried } = outbox.bus;
    outbox.ending.abort();
    await outbox.lanes.ended();
    expect(outbox.bus.tried).toBe(tried);
  });
});

it('an event that waits for its next attempt gets it when the bus takes others again', async () => {
  outbox.bus.takes = refuse;
  for (const n of numbers(50)) outbox.add('a', `key-${n}`);
  await outbox.looks(1, 20_000);
  outbox.bus.takes = () => undefined;
  await outbox.looks(30, 10);
  // Each waits for two seconds, at random.
  await vi.waitUntil(() => outbox.bus.taken.length > 0, { interval: 10 });
  await vi.advanceTimersByTimeAsync(10);
  expect(outbox.bus.taken).toHaveLength(50);
});
