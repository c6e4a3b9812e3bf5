import { DatabaseConfig } from '@rookery/database';
import type { EmbeddedPostgres } from '@rookery/embedded';
import type { Configuration } from './configuration.js';
import { EmbeddedConfig } from './service.config.js';

/** A PostgreSQL that stands in for the one that is not configured. */
export interface Embedded {
  readonly postgres: EmbeddedPostgres;
  /** The configuration with the URL of the service's own database on it. */
  readonly configuration: Configuration;
}

/**
 * Starts PostgreSQL for a service that has a database and no DATABASE_URL; undefined when it needs none.
 * (In production an unset DATABASE_URL is an error before this is reached.)
 */
export async function embed(
  service: string,
  configuration: Configuration,
  onProgress: (line: string) => void,
): Promise<Embedded | undefined> {
  if (!configuration.has(DatabaseConfig) || configuration.get(DatabaseConfig).url !== undefined) return undefined;
  // Loaded only where it is needed: a service with servers starts without it.
  const { EmbeddedPostgres: Postgres } = await import('@rookery/embedded');
  const postgres = await Postgres.start({ dataDir: configuration.get(EmbeddedConfig).dataDir, onProgress });
  try {
    // user-service keeps its tables in user_service.
    const url = await postgres.database(service.replaceAll('-', '_'));
    return { postgres, configuration: configuration.with({ DATABASE_URL: url }) };
  } catch (error) {
    await postgres.release();
    throw error;
  }
}
