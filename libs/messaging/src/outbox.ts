import { InvalidArgument } from '@rookery/errors';
import type { MessageCodec } from '@rookery/contracts';
import type { EntityManager } from 'typeorm';
import { newEvent } from './event.js';

/** The channel on which a commit wakes the relay. */
export const OUTBOX_CHANNEL = 'outbox';

/** NATS takes 1 MiB with the headers. What no relay could ever publish must not get into the outbox. */
const MAX_PAYLOAD = 1_000_000;

const ADD = `
  WITH added AS (
    INSERT INTO outbox (id, type, key, headers, payload) VALUES ($1, $2, $3, $4, $5)
  )
  SELECT pg_notify('${OUTBOX_CHANNEL}', '')`;

/**
 * Where business code puts events: they are published if, and only if, the transaction that made them true commits.
 * `await this.outbox.add(tx, OrderCreated, { id: order.id, userId: order.userId })`.
 */
export class Outbox {
  constructor(private readonly source: string) {}

  /**
   * Adds the event that says `payload` to the transaction `tx`.
   * @param options.key what the event is about (the order's id): events of one key are published in their order
   * @throws {InvalidArgument} for a payload of more than 1,000,000 bytes
   */
  async add<T>(
    tx: EntityManager,
    codec: MessageCodec<T>,
    payload: PartialMessage<T> & object,
    { key }: { key?: string } = {},
  ): Promise<void> {
    if (!tx.queryRunner?.isTransactionActive) {
      throw new Error(`the outbox got no transaction for ${codec.$type}; pass the tx of Transactions.run()`);
    }
    const event = newEvent(codec, payload, { source: this.source, key });
    if (event.payload.length > MAX_PAYLOAD) {
      const size = `${event.payload.length} bytes, at most ${MAX_PAYLOAD} can be published`;
      throw new InvalidArgument(`the event ${codec.$type} has ${size}`);
    }
    const { id, type, headers } = event;
    await tx.query(ADD, [id, type, key ?? null, JSON.stringify(headers), Buffer.from(event.payload)]);
  }
}

/** A message of which fields may be left out, at any depth; they get the proto's defaults. */
export type PartialMessage<T> = T extends bigint | Date | Uint8Array | string | number | boolean | undefined
  ? T
  : T extends readonly (infer I)[]
    ? readonly PartialMessage<I>[]
    : { [K in keyof T]?: PartialMessage<T[K]> };
