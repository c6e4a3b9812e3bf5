import type { Type } from '@nestjs/common';
import { type ConfigClass, Environment } from '@rookery/config';
import {
  DatabaseConfig,
  type DatabaseOptions,
  driftOfDatabase,
  listMigrations,
  migrateDatabase,
  revertMigration,
} from '@rookery/database';
import { LogConfig, type Logger, createLogger } from '@rookery/observability';
import { Configuration } from './configuration.js';
import { embed } from './embed.js';
import { EmbeddedConfig } from './service.config.js';
import { declarationOf } from './service.module.js';

type Command = (config: DatabaseConfig, tables: DatabaseOptions, name: string, logger: Logger) => Promise<void>;

const print = (line: string) => void process.stdout.write(`${line}\n`);

const COMMANDS: Readonly<Record<string, Command>> = {
  async run(config, tables, name, logger) {
    logger.info(`migrating ${whereIs(config)}`);
    const done = await migrateDatabase(config, tables, name, logger);
    logger.info({ migrations: done }, done.length > 0 ? 'migrations run' : 'no migration is pending');
  },
  async revert(config, tables, name, logger) {
    print(`reverting in ${whereIs(config)}`);
    const undone = await revertMigration(config, tables, name, logger);
    print(undone ? `reverted ${undone}` : `nothing to revert: no migration of ${name} was run`);
  },
  async show(config, tables, name, logger) {
    for (const migration of await listMigrations(config, tables, name, logger)) {
      print(`${migration.state.padEnd(7)}  ${migration.name}`);
    }
  },
  /** For `npm run migration`, which writes the file. */
  async drift(config, tables, name, logger) {
    print(JSON.stringify(await driftOfDatabase(config, tables, name, logger)));
  },
};

/** What may follow `migrate`. */
export const MIGRATE_COMMANDS = Object.keys(COMMANDS);

/**
 * Does one thing with the service's migrations, and nothing else: `run` (as its start does), `revert` the last one,
 * `show` them, or tell the `drift` of the entities.
 * @throws Error when the service has no database
 */
export async function migrateService(service: Type, command = 'run'): Promise<void> {
  const { name, database } = declarationOf(service);
  if (!database) throw Object.assign(new Error(`${name} has no database to migrate`), { name: 'Usage', exitCode: 64 });
  const classes: ConfigClass[] = [LogConfig, DatabaseConfig, EmbeddedConfig];
  const configuration = new Configuration(classes, new Environment(process.env));
  const logger = createLogger(configuration.get(LogConfig), name);
  const embedded = await embed(name, configuration, (line) => logger.info(line));
  try {
    const config = (embedded?.configuration ?? configuration).get(DatabaseConfig);
    await COMMANDS[command]!(config, database, name, logger);
  } finally {
    await embedded?.postgres.release();
  }
}

/** The password of a URL is nobody's business. */
function whereIs({ url }: DatabaseConfig): string {
  const { pathname, host, searchParams } = new URL(url!);
  return `the database ${decodeURIComponent(pathname.slice(1))} on ${host || searchParams.get('host')}`;
}
