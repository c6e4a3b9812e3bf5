import type { ControlConnection } from '@rookery/database';
import type { PublishedEvent } from './event.js';

/** A number that every Rookery service agrees on; advisory locks are per database. */
const RELAY_LOCK = 7_665_002;

const READ = `
  SELECT id, type, key, headers, payload FROM outbox
  WHERE id <> ALL ($1::uuid[]) AND (key IS NULL OR key <> ALL ($2::text[]))
  ORDER BY position LIMIT $3`;

/** More than this many are not counted one by one each time. */
const COUNTED = 10_000;
const BACKLOG = `
  SELECT count(*)::int AS pending,
    coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0)::float8 AS oldest
  FROM (SELECT created_at FROM outbox ORDER BY position LIMIT ${COUNTED}) AS first_ones`;

/**
 * The outbox as its one reader sees it. Every statement runs on the session that holds the lock: when the session is
 * lost, so is the right to read, and a replica that has not noticed yet cannot go on.
 */
export class OutboxQueue {
  private held = false;
  private readonly unlisten: () => void;

  constructor(private readonly control: ControlConnection) {
    this.unlisten = control.onChange({ lost: () => (this.held = false) });
  }

  /** Whether this replica may read: it holds the lock, or nobody did and it has taken it. */
  async acquire(): Promise<boolean> {
    if (!this.held) {
      const [row] = await this.control.query<{ held: boolean }>('SELECT pg_try_advisory_lock($1) AS held', [
        RELAY_LOCK,
      ]);
      this.held = row?.held === true;
    }
    return this.held;
  }

  /** Lets another replica take over. */
  async release(): Promise<void> {
    this.unlisten();
    if (this.held) await this.control.query('SELECT pg_advisory_unlock($1)', [RELAY_LOCK]);
    this.held = false;
  }

  /** Events in the order in which they were added, without those ids and keys. A late commit may bring earlier ones. */
  async read(limit: number, without: { ids: readonly string[]; keys: readonly string[] }): Promise<PublishedEvent[]> {
    if (!this.held) return [];
    const rows = await this.control.query<PublishedEvent & { key: string | null }>(READ, [
      without.ids,
      without.keys,
      limit,
    ]);
    return rows.map((row) => ({ ...row, key: row.key ?? undefined }));
  }

  /** Takes published events off the outbox. */
  async remove(ids: readonly string[]): Promise<void> {
    await this.control.query('DELETE FROM outbox WHERE id = ANY ($1::uuid[])', [ids]);
  }

  /** How many events wait (at most 10,000 are counted), and the age of the oldest in seconds. */
  async backlog(): Promise<{ pending: number; oldest: number }> {
    const [row] = await this.control.query<{ pending: number; oldest: number }>(BACKLOG);
    return row ?? { pending: 0, oldest: 0 };
  }
}
