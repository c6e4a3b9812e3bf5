import type { ControlConnection, Transactions } from '@rookery/database';
import type { EntityManager } from 'typeorm';

const NOTE = 'INSERT INTO inbox (consumer, id) VALUES ($1, $2)';
const NOTE_IF_NEW = `${NOTE} ON CONFLICT DO NOTHING RETURNING id`;
const FIND = 'SELECT 1 FROM inbox WHERE consumer = $1 AND id = $2';

/** Milliseconds. A day longer than the streams keep events: what is forgotten here cannot be delivered again. */
export const INBOX_RETENTION = 8 * 24 * 60 * 60 * 1_000;

const PRUNE_BATCH = 1_000;
const PRUNE = `
  WITH gone AS (
    DELETE FROM inbox WHERE ctid IN (
      SELECT ctid FROM inbox WHERE received_at < now() - interval '${INBOX_RETENTION} ms' LIMIT ${PRUNE_BATCH}
    ) RETURNING 1
  )
  SELECT count(*)::int AS count FROM gone`;

/** Remembers which events were handled, so that one that is delivered again has no second effect. */
export class Inbox {
  constructor(private readonly transactions: Transactions) {}

  /**
   * Notes in the handler's own transaction that `consumer` handles the event. Another delivery of it that runs at the
   * same time waits here for this one's commit. @returns false when it was handled before
   */
  async note(tx: EntityManager, consumer: string, id: string): Promise<boolean> {
    const rows: unknown[] = await tx.query(NOTE_IF_NEW, [consumer, id]);
    return rows.length > 0;
  }

  /**
   * Notes it with the next statement of the handler, or with the commit, which fails when it was handled before. Costs no
   * round trip, but the handler has begun by then.
   */
  async noteWithNext(tx: EntityManager, consumer: string, id: string): Promise<void> {
    await this.transactions.runWithNext(tx, NOTE, [consumer, id]);
  }

  async has(consumer: string, id: string): Promise<boolean> {
    // Of the primary: a replica may not know it yet.
    const rows = await this.transactions.run((tx) => tx.query<unknown[]>(FIND, [consumer, id]));
    return rows.length > 0;
  }

  /** Deletes what is too old to be delivered again, a little at a time. */
  async prune(control: ControlConnection): Promise<void> {
    for (let count = PRUNE_BATCH; count === PRUNE_BATCH;) {
      const [row] = await control.query<{ count: number }>(PRUNE);
      count = row?.count ?? 0;
    }
  }
}
