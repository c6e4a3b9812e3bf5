import { durationToMs } from '@rookery/config';
import type { MessageCodec } from '@rookery/contracts';
import type { Transactions } from '@rookery/database';
import { InvalidArgument } from '@rookery/errors';
import type { EntityManager } from 'typeorm';
import { newEvent } from './event.js';
import { CANCEL_DELAYED, DELAY } from './jobs/delayed-events.js';
import { streamOf } from './jetstream-names.js';
import { OUTBOX_CHANNEL, type OutboxWake } from './outbox-wake.js';

/** NATS takes 1 MiB with the headers. What no relay could ever publish must not get into the outbox. */
const MAX_PAYLOAD = 1_000_000;

const ADD = 'INSERT INTO outbox (id, type, key, headers, payload) VALUES ($1, $2, $3, $4, $5)';
/** For a transaction that tells nobody of its commit. */
const ADD_AND_NOTIFY = `WITH added AS (${ADD}) SELECT pg_notify('${OUTBOX_CHANNEL}', '')`;

/** How an event is published. */
export interface AddOptions {
  /** What the event is about (the order's id): events of one key are published in their order. */
  readonly key?: string;
  /** Publishes it this long after now, not in the order of its key: `'30m'`, or milliseconds. */
  readonly delay?: string | number;
  /** Publishes it then. Instead of `delay`. */
  readonly at?: Date;
}

/**
 * Where business code puts events: they are published if, and only if, the transaction that made them true commits.
 * `await this.outbox.add(tx, OrderCreated, { id: order.id, userId: order.userId })`.
 */
export class Outbox {
  /** Types that a stream can be made for. */
  private readonly types = new Set<string>();

  constructor(
    private readonly source: string,
    private readonly transactions: Transactions,
    private readonly wake: OutboxWake,
  ) {}

  /**
   * Adds the event that says `payload` to the transaction `tx`; with `delay` or `at`, for later. It is sent with the next
   * statement of the transaction or with its commit, which are what fails should the outbox not take it.
   * @throws {InvalidArgument} for a payload of more than 1,000,000 bytes
   * @throws for a type that is in no proto package, or in one whose name is the beginning of another's
   */
  async add<T>(
    tx: EntityManager,
    codec: MessageCodec<T>,
    payload: PartialMessage<T> & object,
    { key, delay, at }: AddOptions = {},
  ): Promise<void> {
    needTransaction(tx, codec);
    this.needStream(codec.$type);
    const wait = delay === undefined ? undefined : durationToMs(delay);
    if (Number.isNaN(wait)) throw new Error(`"${delay}" is no delay for ${codec.$type}; give '30m' or milliseconds`);
    const now = at ?? new Date(Date.now() + (wait ?? 0));
    const event = newEvent(codec, payload, { source: this.source, key, now });
    if (event.payload.length > MAX_PAYLOAD) {
      const size = `${event.payload.length} bytes, at most ${MAX_PAYLOAD} can be published`;
      throw new InvalidArgument(`the event ${codec.$type} has ${size}`);
    }
    const { id, type, headers } = event;
    const row = [id, type, key ?? null, JSON.stringify(headers), asBuffer(event.payload)];
    if (wait !== undefined || at) await tx.query(DELAY, [...row, at ?? null, wait ?? 0]);
    else if (!this.transactions.tryAfterCommit(tx, this.wake.ring)) await tx.query(ADD_AND_NOTIFY, row);
    else await this.transactions.runWithNext(tx, { name: 'outbox add', text: ADD }, row);
  }

  /**
   * Takes back, in the transaction `tx`, the delayed events of this type and key that are not due yet.
   * @returns whether there was one; false also when it is on its way already
   */
  async cancel<T>(tx: EntityManager, codec: MessageCodec<T>, key: string): Promise<boolean> {
    needTransaction(tx, codec);
    const [, count] = await tx.query<[unknown, number]>(CANCEL_DELAYED, [codec.$type, key]);
    return count > 0;
  }

  /** What no bus could ever take must not get into the outbox. */
  private needStream(type: string): void {
    if (this.types.has(type)) return;
    const packageOf = (each: string) => streamOf(each).subjects[0]!.slice(0, -1);
    const own = packageOf(type);
    for (const other of this.types) {
      const known = packageOf(other);
      if (own === known || !(own.startsWith(known) || known.startsWith(own))) continue;
      throw new Error(`${type} and ${other} cannot both be published: the package of one begins with the other's`);
    }
    this.types.add(type);
  }
}

function needTransaction(tx: EntityManager, { $type }: MessageCodec<unknown>): void {
  if (tx.queryRunner?.isTransactionActive) return;
  throw new Error(`the outbox got no transaction for ${$type}; pass the tx of Transactions.run()`);
}

/** pg takes Buffers; a view costs no copy. */
function asBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

/** A message of which fields may be left out, at any depth; they get the proto's defaults. */
export type PartialMessage<T> = T extends bigint | Date | Uint8Array | string | number | boolean | undefined
  ? T
  : T extends readonly (infer I)[]
    ? readonly PartialMessage<I>[]
    : { [K in keyof T]?: PartialMessage<T[K]> };
