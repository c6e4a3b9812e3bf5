import type { ControlConnection } from '@rookery/database';
import type { PublishedEvent } from './event.js';
import { LowWaterMark } from './low-water-mark.js';

/** A number that every Rookery service agrees on; advisory locks are per database. */
const RELAY_LOCK = 7_665_002;

/**
 * For the session that holds the lock. A relay that says nothing for three seconds (frozen, cut off, or its machine is
 * gone) loses its session, and with it the lock: PostgreSQL itself would only notice a process that has ended. The
 * other two hold when the server cannot send. A deletion need not reach the disk: the event would be published again,
 * with its id.
 */
const SESSION = [
  ['idle_session_timeout', '3s', '0'],
  ['tcp_user_timeout', '3000', '0'],
  ['synchronous_commit', 'off', 'on'],
] as const;
// Those that the server knows: the first came with PostgreSQL 14.
const SET = `
  SELECT set_config(name, value, false) FROM unnest($1::text[], $2::text[]) AS s (name, value)
  JOIN pg_settings USING (name)`;

/**
 * Deletes what is published and reads what comes next, in one round trip. The second step ends the batch where its
 * payloads become too large, but never before its first event.
 */
const EXCHANGE = `
  WITH gone AS (DELETE FROM outbox WHERE position = ANY ($1::bigint[]))
  SELECT position, id, type, key, headers, payload FROM (
    SELECT *, sum(octet_length(payload)) OVER (ORDER BY position) - octet_length(payload) AS before FROM (
      SELECT position, id, type, key, headers, payload FROM outbox
      WHERE position > $2 AND position <> ALL ($3::bigint[]) AND (key IS NULL OR key <> ALL ($4::text[]))
      ORDER BY position LIMIT $5
    ) AS first_ones
  ) AS measured WHERE before < $6 ORDER BY position`;

const SIGHT = `
  SELECT coalesce((SELECT min(position) FROM outbox), (SELECT last_value + 1 FROM outbox_position_seq))::float8 AS first,
    pg_snapshot_xmin(pg_current_snapshot())::text AS ended, pg_snapshot_xmax(pg_current_snapshot())::text AS begun`;
/** Milliseconds between two such looks from the very beginning; longer when they take long. */
const SIGHT_INTERVAL = 1_000;
/** At most this share of the time goes into them. */
const SIGHT_SHARE = 0.05;

/** More than this many are not counted. */
const COUNTED = 100_000;
const BACKLOG = `
  SELECT count(*)::int AS pending,
    coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0)::float8 AS oldest
  FROM (SELECT created_at FROM outbox WHERE position > $1 ORDER BY position LIMIT ${COUNTED}) AS first_ones`;

/** An event in the outbox. */
export interface QueuedEvent extends PublishedEvent {
  /** A bigint, as text. */
  readonly position: string;
}

/** What to read. */
export interface ReadOptions {
  readonly limit: number;
  /** Of all payloads; one more event than fits is read. */
  readonly bytes: number;
  readonly withoutPositions: readonly string[];
  readonly withoutKeys: readonly string[];
}

/**
 * The outbox as its one reader sees it. Every statement runs on the session that holds the lock: when the session is
 * lost, so is the right to read, and a replica that has not noticed yet cannot go on.
 */
export class OutboxQueue {
  private held = false;
  private readonly unlisten: () => void;
  private lowWater = new LowWaterMark();
  private nextSight = 0;

  /** @param onLost called when the lock is lost */
  constructor(
    private readonly control: ControlConnection,
    onLost: () => void,
  ) {
    const lost = () => {
      this.held = false;
      onLost();
    };
    this.unlisten = control.onChange({ lost });
  }

  /** Whether this replica may read: it holds the lock, or nobody did and it has taken it. */
  async acquire(): Promise<boolean> {
    if (this.held) return true;
    const [row] = await this.control.query<{ held: boolean }>('SELECT pg_try_advisory_lock($1) AS held', [RELAY_LOCK]);
    this.held = row?.held === true;
    if (!this.held) return false;
    this.lowWater = new LowWaterMark();
    await this.set(([, whileHeld]) => whileHeld);
    return this.held;
  }

  /** Lets another replica take over. */
  async release(): Promise<void> {
    this.unlisten();
    if (!this.held) return;
    this.held = false;
    await this.set(([, , usual]) => usual);
    await this.control.query('SELECT pg_advisory_unlock($1)', [RELAY_LOCK]);
  }

  /** Takes `published` off the outbox and reads on, in the order in which events were added. */
  async exchange(published: readonly string[], options: ReadOptions): Promise<QueuedEvent[]> {
    if (!this.held) return [];
    await this.sight();
    const rows = await this.control.query<QueuedEvent & { key: string | null }>(EXCHANGE, [
      published,
      this.lowWater.position,
      [...published, ...options.withoutPositions],
      options.withoutKeys,
      options.limit,
      options.bytes,
    ]);
    return rows.map((row) => ({ ...row, key: row.key ?? undefined }));
  }

  /** How many events wait (at most 100,000 are counted), and the age of the oldest in seconds. */
  async backlog(): Promise<{ pending: number; oldest: number }> {
    const [row] = await this.control.query<{ pending: number; oldest: number }>(BACKLOG, [this.lowWater.position]);
    return row ?? { pending: 0, oldest: 0 };
  }

  private async sight(): Promise<void> {
    const started = performance.now();
    if (started < this.nextSight) return;
    const [row] = await this.control.query<{ first: number; ended: string; begun: string }>(SIGHT);
    const now = performance.now();
    this.nextSight = now + Math.max(SIGHT_INTERVAL, (now - started) / SIGHT_SHARE);
    if (!row) return;
    const { first, ended, begun } = row;
    this.lowWater.observe({ first, allEndedBelow: BigInt(ended), noneBegunFrom: BigInt(begun) }, now);
  }

  private async set(choose: (setting: (typeof SESSION)[number]) => string): Promise<void> {
    await this.control.query(SET, [SESSION.map(([name]) => name), SESSION.map(choose)]);
  }
}
