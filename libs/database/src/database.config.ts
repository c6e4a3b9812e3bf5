import { EnvBoolean, EnvDuration, EnvInteger, EnvUrl } from '@rookery/config';

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

  @EnvInteger({ name: 'DATABASE_POOL_MAX', description: 'Connections at most.', default: 25, min: 1, max: 1000 })
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
    description: 'A connection older than this is replaced when it is idle.',
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
    name: 'DATABASE_CONNECT_TIMEOUT',
    description: 'How long a call waits for a connection before it fails with UNAVAILABLE.',
    default: '3s',
    min: '10ms',
  })
  readonly connectTimeout!: number;

  @EnvDuration({
    name: 'DATABASE_START_TIMEOUT',
    description: 'How long a starting service waits for the database before it gives up.',
    default: '1m',
  })
  readonly startTimeout!: number;

  @EnvBoolean({
    name: 'DATABASE_MIGRATE',
    description: 'Whether a starting service runs pending migrations (one replica does, the others wait).',
    default: true,
  })
  readonly migrate!: boolean;
}
