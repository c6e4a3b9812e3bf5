import type { ControlConnection, Transactions } from '@rookery/database';
import type { EntityManager } from 'typeorm';

const NOTE = 'INSERT INTO inbox (consumer, id) VALUES ($1, $2)';
const NOTE_IF_NEW = `${NOTE} ON CONFLICT DO NOTHING RETURNING id`;
// The entry for the replay is pruned later than the other one, which alone would refuse it.
const NOTE_DEAD = `
  WITH noted AS (${NOTE} ON CONFLICT DO NOTHING RETURNING id)
  INSERT INTO inbox (consumer, id, received_at) SELECT $3::text, id, now() + interval '1 day' FROM noted
  ON CONFLICT DO NOTHING`;
// The entry of a dead event is as old as its death, and has to outlive the stream that the replay came from.
const NOTE_REPLAY = `
  WITH revived AS (DELETE FROM inbox WHERE consumer = $3 AND id = $2 RETURNING id)
  ${NOTE} ON CONFLICT (consumer, id) DO UPDATE SET received_at = now() WHERE EXISTS (SELECT FROM revived)
  RETURNING id`;
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

/** No name of a consumer has that sign. */
function deadTo(consumer: string): string {
  return `${consumer}#dead`;
}

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
    await this.transactions.runWithNext(tx, { name: 'inbox note', text: NOTE }, [consumer, id]);
  }

  /**
   * Notes that the event was given up, so that it is not handled when it comes again, except by a replay: beside the entry
   * that any event gets there is one that the replay takes away.
   */
  async noteDead(consumer: string, id: string): Promise<void> {
    await this.transactions.run((tx) => tx.query(NOTE_DEAD, [consumer, id, deadTo(consumer)]));
  }

  /** As `note`, for a replay. @returns false when the event was handled before */
  async noteReplay(tx: EntityManager, consumer: string, id: string): Promise<boolean> {
    const rows: unknown[] = await tx.query(NOTE_REPLAY, [consumer, id, deadTo(consumer)]);
    return rows.length > 0;
  }

  async has(consumer: string, id: string): Promise<boolean> {
    // Of the primary: a replica may not know it yet.
    const rows = await this.transactions.run((tx) => tx.query<unknown[]>(FIND, [consumer, id]));
    return rows.length > 0;
  }

  /** Deletes some of what is too old to be delivered again. @returns whether there may be more of it */
  async prune(control: ControlConnection): Promise<boolean> {
    const [row] = await control.query<{ count: number }>(PRUNE);
    return row?.count === PRUNE_BATCH;
  }
}
