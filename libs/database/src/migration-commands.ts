import type { Logger } from '@rookery/observability';
import { openWhenReachable, waitingUntil } from './connect.js';
import { ControlConnection } from './control-connection.js';
import { dataSourceOptions } from './data-source-options.js';
import type { DatabaseConfig } from './database.config.js';
import type { DatabaseOptions } from './database.module.js';
import { migrate, migrationsRun, revert } from './migrations.js';
import { type SchemaDrift, schemaDrift } from './schema-drift.js';

export interface MigrationState {
  readonly name: string;
  /** `unknown`: the database has had it, and this code does not know it. */
  readonly state: 'run' | 'pending' | 'unknown';
}

/**
 * Waits for the database and runs the pending migrations: a job of its own, before a rollout.
 * @returns the names of the migrations that were run
 */
export function migrateDatabase(
  config: DatabaseConfig,
  tables: DatabaseOptions,
  name: string,
  logger: Logger,
): Promise<string[]> {
  return withControl(config, name, logger, () =>
    migrate(dataSourceOptions(config, tables, name, logger), waitingUntil(Date.now() + config.startTimeout, logger)),
  );
}

/**
 * Undoes the migration that was run last.
 * @returns its name; undefined when there is none
 * @throws Error when it is one that this code does not know
 */
export function revertMigration(
  config: DatabaseConfig,
  tables: DatabaseOptions,
  name: string,
  logger: Logger,
): Promise<string | undefined> {
  const approve = (last: string) => {
    if (tables.migrations.some((migration) => migration.name === last)) return;
    throw new Error(`${last} was run last, and ${name} does not know it: revert it with the code that has it`, {
      cause: last,
    });
  };
  return withControl(config, name, logger, () =>
    revert(
      dataSourceOptions(config, tables, name, logger),
      approve,
      waitingUntil(Date.now() + config.startTimeout, logger),
    ),
  );
}

/** What was run, in its order, and then what is pending, in the order in which it would be. */
export function listMigrations(
  config: DatabaseConfig,
  tables: DatabaseOptions,
  name: string,
  logger: Logger,
): Promise<MigrationState[]> {
  return withControl(config, name, logger, async (control) => {
    const known = tables.migrations.map((migration) => migration.name).sort(byTimestamp);
    const run = await migrationsRun(control);
    return [
      ...run.map((done) => ({ name: done, state: known.includes(done) ? ('run' as const) : ('unknown' as const) })),
      ...known.filter((one) => !run.includes(one)).map((one) => ({ name: one, state: 'pending' as const })),
    ];
  });
}

/** What the entities say that the migrations do not: what a new migration has to do. */
export function driftOfDatabase(
  config: DatabaseConfig,
  tables: DatabaseOptions,
  name: string,
  logger: Logger,
): Promise<SchemaDrift> {
  return withControl(config, name, logger, () => schemaDrift(dataSourceOptions(config, tables, name, logger)));
}

async function withControl<T>(
  config: DatabaseConfig,
  name: string,
  logger: Logger,
  work: (control: ControlConnection) => Promise<T>,
): Promise<T> {
  const control = new ControlConnection(config.url!, name, logger);
  try {
    await openWhenReachable(control, config, logger);
    return await work(control);
  } finally {
    await control.close();
  }
}

/** TypeORM's order: the 13 digits at the end of a class name. */
function byTimestamp(one: string, other: string): number {
  return Number(one.slice(-13)) - Number(other.slice(-13));
}
