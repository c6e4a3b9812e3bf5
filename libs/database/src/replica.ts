import type { DependencyState, Logger } from '@rookery/observability';
import type pg from 'pg';
import { CallPool, type CallPoolOptions } from './call-pool.js';
import { ControlConnection } from './control-connection.js';

/** Milliseconds between two looks at a replica; one that does not answer until the next is not read. */
const INTERVAL = 1_000;

/**
 * Seconds that a standby is behind: none when all that it was sent is replayed and it hears from its primary, otherwise the
 * age of what was replayed last. While nothing happens a standby asks its primary for a sign of life after half of
 * wal_receiver_timeout; silence beyond that is lag that nobody can measure. (Roles without pg_read_all_stats do not see it.)
 * A server that is no standby is not behind.
 */
const LAG = `
  SELECT CASE
    WHEN NOT pg_is_in_recovery() THEN 0
    WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() AND EXISTS (SELECT FROM pg_stat_wal_receiver) THEN (
      SELECT greatest(0, extract(epoch FROM
        clock_timestamp() - last_msg_receipt_time - current_setting('wal_receiver_timeout')::interval / 2)::float8)
      FROM pg_stat_wal_receiver)
    ELSE coalesce(extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())::float8, 'infinity')
  END AS lag`;

export interface ReplicaOptions {
  readonly url: string;
  /** The service's, which the server shows as application_name. */
  readonly name: string;
  readonly pool: CallPoolOptions;
  /** Milliseconds. */
  readonly maxLag: number;
}

/** A server that only reads: a pool on it, and whether it is fit to be read. */
export class Replica {
  readonly pool: CallPool;
  private readonly control: ControlConnection;
  private readonly timer: NodeJS.Timeout;
  private current: DependencyState = { up: false, detail: 'not connected yet' };
  private looking = false;

  constructor(
    { url, name, pool, maxLag }: ReplicaOptions,
    private readonly logger: Logger,
  ) {
    this.pool = new CallPool({
      ...pool,
      connectionString: readingOnly(url),
      application_name: name,
    });
    this.pool.on('error', (error) => logger.warn({ error }, 'an idle connection to a replica broke'));
    this.control = new ControlConnection(url, name, logger, 'replica');
    this.control.onChange({
      connected: () => void this.look(maxLag),
      lost: () => this.lose('the connection was lost'),
    });
    this.timer = setInterval(() => void this.look(maxLag), INTERVAL).unref();
    this.control.openInBackground();
  }

  /** As of the last look, at most a second or two ago. */
  get state(): DependencyState {
    return this.current;
  }

  /** It turned out that it cannot be used; the next look may find otherwise. */
  lose(detail: string): void {
    if (this.current.up) this.logger.warn(`a replica is not read: ${detail}`);
    this.current = { up: false, detail };
  }

  connect(): Promise<[pg.PoolClient, (broken?: Error | boolean) => void]> {
    return new Promise((resolve, reject) =>
      this.pool.connect((error, client, release) => (client ? resolve([client, release]) : reject(error))),
    );
  }

  async close(): Promise<void> {
    clearInterval(this.timer);
    await Promise.all([this.control.close(), this.pool.end()]);
  }

  private async look(maxLag: number): Promise<void> {
    if (this.looking) return this.lose(`no answer within ${INTERVAL} ms`);
    this.looking = true;
    try {
      const [row] = await this.control.query<{ lag: number }>(LAG);
      const lag = Number(row!.lag) * 1000;
      if (lag > maxLag) this.lose(`${(lag / 1000).toFixed(1)} s behind`);
      else this.current = { up: true, detail: `${(lag / 1000).toFixed(1)} s behind` };
    } catch (error) {
      this.lose((error as Error).message);
    } finally {
      this.looking = false;
    }
  }
}

/** Whatever is behind `url`, perhaps a standby that was promoted, is not written to. Its own options stay. */
function readingOnly(url: string): string {
  const reading = new URL(url);
  const own = reading.searchParams.getAll('options');
  reading.searchParams.set('options', [...own, '-c default_transaction_read_only=on'].join(' '));
  return reading.href;
}
