import { EnvBoolean, EnvDuration, EnvInteger, EnvString, EnvUrl } from '@rookery/config';

const POSTGRES_URLS = /^postgres(ql)?:\/\/[^\s,]+(\s*,\s*postgres(ql)?:\/\/[^\s,]+)*$/;

/** PostgreSQL: where it is and how many connections a service holds. */
export class DatabaseConfig {
  @EnvUrl({
    name: 'DATABASE_URL',
    description: 'The service’s own database.',
    protocols: ['postgres', 'postgresql'],
    optional: true,
    requiredInProduction: true,
    unset: 'embedded PostgreSQL',
  })
  readonly url?: string;

  /** As it is written; `replicasOf` takes it apart. */
  @EnvString({
    name: 'DATABASE_REPLICA_URLS',
    description: 'Read replicas, for what is marked `@ReadOnly()`.',
    pattern: POSTGRES_URLS,
    takes: 'URLs that start with postgres:// or postgresql://, separated by commas',
    secret: true,
    optional: true,
    unset: 'none: the primary is read',
  })
  readonly replicaUrls?: string;

  @EnvDuration({
    name: 'DATABASE_REPLICA_MAX_LAG',
    description: 'A replica that is further behind is not read.',
    default: '10s',
    min: '1ms',
  })
  readonly replicaMaxLag!: number;

  @EnvInteger({
    name: 'DATABASE_POOL_MAX',
    description: 'Connections at most; as many again for each replica.',
    default: 25,
    min: 1,
    max: 1000,
  })
  readonly poolMax!: number;

  @EnvInteger({
    name: 'DATABASE_POOL_MAX_IDLE',
    description: 'Connections kept open while nobody uses them, at most; others are closed after 5 s.',
    default: 5,
    min: 0,
    max: 1000,
  })
  readonly poolMaxIdle!: number;

  @EnvDuration({
    name: 'DATABASE_POOL_MAX_LIFETIME',
    description: 'No connection gets older, except by the work that it is at; each ends some time in the last tenth.',
    default: '5m',
    min: '1s',
  })
  readonly poolMaxLifetime!: number;

  @EnvDuration({
    name: 'DATABASE_STATEMENT_TIMEOUT',
    description: 'The server ends a statement that takes longer.',
    default: '30s',
    min: '1ms',
  })
  readonly statementTimeout!: number;

  @EnvDuration({
    name: 'DATABASE_IDLE_IN_TRANSACTION_TIMEOUT',
    description: 'The server ends a transaction that waits longer for its next statement.',
    default: '30s',
    min: '1ms',
  })
  readonly idleInTransactionTimeout!: number;

  @EnvDuration({
    name: 'DATABASE_CONNECT_TIMEOUT',
    description: 'How long a call waits for a connection before it fails with UNAVAILABLE.',
    default: '3s',
    min: '10ms',
  })
  readonly connectTimeout!: number;

  @EnvDuration({
    name: 'DATABASE_START_TIMEOUT',
    description:
      'How long a starting service waits for the database, and for the migrations of others, before it gives up.',
    default: '1m',
  })
  readonly startTimeout!: number;

  @EnvBoolean({
    name: 'DATABASE_MIGRATE',
    description: 'Whether a starting service runs pending migrations (one replica does); otherwise it waits for them.',
    default: true,
  })
  readonly migrate!: boolean;
}

/** The URLs of DATABASE_REPLICA_URLS. */
export function replicasOf({ replicaUrls = '' }: DatabaseConfig): string[] {
  return replicaUrls.split(',').flatMap((url) => url.trim() || []);
}
