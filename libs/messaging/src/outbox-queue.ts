import type { ControlConnection } from '@rookery/database';
import type { PublishedEvent } from './event.js';
import { LowWaterMark } from './low-water-mark.js';
import { OUTBOX_CHANNEL } from './outbox-wake.js';
import type { Range, Seen } from './outbox-scan.js';
import { SET, WATCHED } from './watched-session.js';

/** A number that every Rookery service agrees on; advisory locks are per database. */
const RELAY_LOCK = 7_665_002;
/** Another one, which every replica shares that could publish. */
const ABLE_LOCK = 7_665_003;

/**
 * Of the session that holds the lock. A deletion need not reach the disk: the event would be published again, with its
 * id. Of a table that has grown since it was analyzed the planner thinks that all of it had better be read and sorted,
 * where walking along the index ends after a few rows.
 */
const SESSION = [
  ...WATCHED,
  ['synchronous_commit', 'off', 'on'],
  ['enable_bitmapscan', 'off', 'on'],
  ['enable_seqscan', 'off', 'on'],
] as const;

/**
 * Up to so many positions that are left out the statement that reads is kept prepared: planning it takes as long as running
 * it. Of a longer list PostgreSQL makes a hash table, but only while it plans.
 */
const FEW = 64;

/** Positions that are walked over to find more of a key. */
export const KEY_SPAN = 10_000;

/** Of the sequence. One that nobody has called yet has the value that its first caller gets. */
const LAST = 'last_value - (NOT is_called)::int';

/**
 * Deletes what is published and reads what comes next, in one round trip: for the row of part 0 the last position that
 * was given, part 1 more of the keys in $8 to $10, part 2 what is in the range. Of a type in $6 only the keys are told.
 * The second step ends all of it where the payloads become too large, but never before the first event.
 */
const EXCHANGE = `
  WITH gone AS (DELETE FROM outbox WHERE position = ANY ($1::bigint[]))
  SELECT part, position, id, type, key, headers, payload FROM (
    SELECT *, sum(size) OVER (ORDER BY part, position) - size AS before FROM (
      SELECT 0 AS part, ${LAST} AS position, NULL::uuid AS id, NULL AS type, NULL AS key, NULL::jsonb AS headers,
        NULL::bytea AS payload, 0 AS size
      FROM outbox_position_seq
      UNION ALL
      SELECT 1, more.* FROM unnest($8::text[], $9::bigint[]) AS lane (name, after) CROSS JOIN LATERAL (
        SELECT ${columns('$6')} FROM outbox
        WHERE key = lane.name AND position > lane.after AND position <= lane.after + ${KEY_SPAN}
          AND position <> ALL ($4::bigint[])
        ORDER BY position LIMIT $10
      ) AS more
      UNION ALL
      SELECT 2, first_ones.* FROM (
        SELECT ${columns('$6')} FROM outbox
        WHERE position > $2 AND position <= $3 AND position <> ALL ($4::bigint[])
          AND (CASE WHEN key IS NULL THEN type <> ALL ($6::text[]) ELSE key <> ALL ($5::text[]) END)
        ORDER BY position LIMIT $7
      ) AS first_ones
    ) AS rows
  ) AS measured WHERE part = 0 OR before < $11 ORDER BY part, position`;

/** @param without the parameter with the types of which only the key is told */
function columns(without: string): string {
  const told = (column: string) => `CASE WHEN type = ANY (${without}::text[]) THEN NULL ELSE ${column} END`;
  return `position, id, type, key, ${told('headers')}, ${told('payload')}, coalesce(octet_length(${told('payload')}), 0)`;
}

const SIGHT = `
  SELECT coalesce((SELECT min(position) FROM outbox), (SELECT ${LAST} + 1 FROM outbox_position_seq))::float8 AS first,
    (SELECT ${LAST} FROM outbox_position_seq)::float8 AS last,
    pg_snapshot_xmin(pg_current_snapshot())::text AS ended, pg_snapshot_xmax(pg_current_snapshot())::text AS begun`;
/** Milliseconds between two such looks from the very beginning; longer when they take long. */
const SIGHT_INTERVAL = 1_000;
/** At most this share of the time goes into them. */
const SIGHT_SHARE = 0.05;

/** Of this database, and of another session. */
const OTHERS_ABLE = `
  SELECT EXISTS (
    SELECT FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
    WHERE datname = current_database() AND locktype = 'advisory' AND classid = 0 AND objid = ${ABLE_LOCK} AND objsubid = 1
      AND granted AND pid <> pg_backend_pid()
  ) AS others`;

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

/** An event that is left where it is, and holds up its key. */
export interface LeftEvent {
  readonly position: string;
  readonly key: string;
}

/** What to read. */
export interface ReadOptions {
  /** Nothing when unset. */
  readonly range?: Range;
  readonly limit: number;
  /** Of all payloads; one more event than fits is read. */
  readonly bytes: number;
  readonly withoutPositions: readonly string[];
  /** Read by `more` alone. */
  readonly withoutKeys: readonly string[];
  readonly withoutTypes: readonly string[];
  /** Keys of which more is wanted, from a position on, of each up to `moreLimit` events. */
  readonly more: readonly { readonly key: string; readonly after: number }[];
  readonly moreLimit: number;
}

/** What was read, in the order in which it was added. */
export interface Reading {
  readonly more: readonly (QueuedEvent | LeftEvent)[];
  readonly range: readonly (QueuedEvent | LeftEvent)[];
  /** Whether the payloads were too many, so that something was not read. */
  readonly cut: boolean;
  /** The last position that was given to an event. */
  readonly last: number;
}

/**
 * The outbox as its one reader sees it. Every statement runs on the session that holds the lock: when the session is
 * lost, so is the right to read, and a replica that has not noticed yet cannot go on.
 */
export class OutboxQueue {
  private held = false;
  /** What the other replicas can see of this one. */
  private able = false;
  /** An answer and the end of the session can come in one read: the end is heard of first. */
  private losses = 0;
  private readonly unlisten: () => void;
  private lowWater = new LowWaterMark();
  private nextSight = 0;

  /** @param onLost called when the lock is lost */
  constructor(
    private readonly control: ControlConnection,
    onLost: () => void,
  ) {
    const lost = () => {
      this.held = this.able = false;
      this.losses++;
      onLost();
    };
    this.unlisten = control.onChange({ lost });
  }

  /** Whether this replica may read: it holds the lock, or nobody did and it has taken it. */
  async acquire(): Promise<boolean> {
    if (this.held) return true;
    const { losses } = this;
    const [row] = await this.control.query<{ held: boolean }>('SELECT pg_try_advisory_lock($1) AS held', [RELAY_LOCK]);
    this.held = row?.held === true && losses === this.losses;
    if (!this.held) return false;
    this.lowWater = new LowWaterMark();
    await this.set(([, whileHeld]) => whileHeld);
    return this.held;
  }

  /** Lets another replica take over, and tells those that wait. */
  async release(): Promise<void> {
    if (!this.held) return;
    this.held = false;
    await this.set(([, , usual]) => usual);
    await this.control.query('SELECT pg_advisory_unlock($1), pg_notify($2, $3)', [RELAY_LOCK, OUTBOX_CHANNEL, '']);
  }

  /** Has the other replicas see whether this one could publish. */
  async tellAble(able: boolean): Promise<void> {
    if (able === this.able) return;
    const { losses } = this;
    const change = able ? 'pg_try_advisory_lock_shared' : 'pg_advisory_unlock_shared';
    await this.control.query(`SELECT ${change}($1)`, [ABLE_LOCK]);
    this.able = able && losses === this.losses;
  }

  /** Whether another replica could publish. */
  async othersAble(): Promise<boolean> {
    const [row] = await this.control.query<{ others: boolean }>(OTHERS_ABLE);
    return row?.others === true;
  }

  /** Hears no more of what becomes of the session. */
  close(): void {
    this.unlisten();
  }

  /** What is known of the positions. */
  get seen(): Seen {
    return this.lowWater;
  }

  /** Takes `published` off the outbox and reads on. @returns undefined when the lock is lost */
  async exchange(published: readonly string[], options: ReadOptions): Promise<Reading | undefined> {
    if (!this.held) return undefined;
    await this.sight();
    const { range, more } = options;
    const without = [...published, ...options.withoutPositions];
    const values = [
      published,
      range?.after ?? 0,
      range?.upTo ?? 0,
      without,
      options.withoutKeys,
      options.withoutTypes,
      range ? options.limit : 0,
      more.map(({ key }) => key),
      more.map(({ after }) => after),
      options.moreLimit,
      options.bytes,
    ];
    const name = without.length > FEW ? undefined : 'outbox exchange';
    const [end, ...rows] = await this.control.query<Row>(EXCHANGE, values, name);
    if (!this.held) return undefined;
    const bytes = rows.reduce((sum, { payload }) => sum + (payload?.length ?? 0), 0);
    const part = (wanted: number) => rows.filter((row) => row.part === wanted).map(eventOf);
    return { more: part(1), range: part(2), cut: bytes >= options.bytes, last: Number(end!.position) };
  }

  /** How many events wait (at most 100,000 are counted), and the age of the oldest in seconds. */
  async backlog(): Promise<{ pending: number; oldest: number }> {
    const [row] = await this.control.query<{ pending: number; oldest: number }>(BACKLOG, [this.lowWater.position]);
    return row ?? { pending: 0, oldest: 0 };
  }

  private async sight(): Promise<void> {
    const started = performance.now();
    if (started < this.nextSight) return;
    const [row] = await this.control.query<{ first: number; last: number; ended: string; begun: string }>(SIGHT);
    const now = performance.now();
    this.nextSight = now + Math.max(SIGHT_INTERVAL, (now - started) / SIGHT_SHARE);
    if (!row) return;
    const { first, last, ended, begun } = row;
    this.lowWater.observe({ first, last, allEndedBelow: BigInt(ended), noneBegunFrom: BigInt(begun) }, now);
  }

  private async set(choose: (setting: (typeof SESSION)[number]) => string): Promise<void> {
    await this.control.query(SET, [SESSION.map(([name]) => name), SESSION.map(choose)]);
  }
}

interface Row extends Omit<QueuedEvent, 'key' | 'payload'> {
  readonly part: number;
  readonly key: string | null;
  readonly payload: Uint8Array | null;
}

function eventOf({ position, id, type, key, headers, payload }: Row): QueuedEvent | LeftEvent {
  // Without a key it would not have been read.
  return payload ? { position, id, type, key: key ?? undefined, headers, payload } : { position, key: key! };
}
