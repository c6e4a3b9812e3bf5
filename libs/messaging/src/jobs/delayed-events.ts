import type { ControlConnection } from '@rookery/database';

/** Keeps an event until a time, or until some milliseconds from now by the clock of the database. */
export const DELAY = `
  INSERT INTO outbox_delayed (id, type, key, headers, payload, due_at)
  VALUES ($1, $2, $3, $4, $5, coalesce($6::timestamptz, clock_timestamp() + $7 * interval '1 millisecond'))`;

export const CANCEL_DELAYED = 'DELETE FROM outbox_delayed WHERE type = $1 AND key = $2';

const BATCH = 500;
/** One that a transaction is cancelling right now is left for the next time. */
const MOVE = `
  WITH due AS (
    DELETE FROM outbox_delayed WHERE ctid IN (
      SELECT ctid FROM outbox_delayed WHERE due_at <= now() ORDER BY due_at LIMIT ${BATCH} FOR UPDATE SKIP LOCKED
    ) RETURNING id, type, key, headers, payload, due_at
  ), moved AS (
    INSERT INTO outbox (id, type, key, headers, payload)
    SELECT id, type, key, headers, payload FROM due ORDER BY due_at
  )
  SELECT (SELECT count(*) FROM due)::int AS count,
    (SELECT extract(epoch FROM min(due_at) - now()) * 1000 FROM outbox_delayed WHERE due_at > now())::float8 AS next`;

/** Moves events whose time has come to the outbox; for the one replica that has the relay. */
export class DelayedEvents {
  constructor(private readonly control: ControlConnection) {}

  /** Moves some of those that are due. @returns milliseconds until there is more to move; infinite for never */
  async move(): Promise<number> {
    const [row] = await this.control.query<{ count: number; next: number | null }>(MOVE);
    return row?.count === BATCH ? 0 : Math.ceil(row?.next ?? Number.POSITIVE_INFINITY);
  }
}
