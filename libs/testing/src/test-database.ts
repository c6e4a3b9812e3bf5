import { randomBytes } from 'node:crypto';
import { createDatabase } from '@rookery/embedded';
import { Client } from 'pg';

/** A database of one test. */
export interface TestDatabase {
  readonly url: string;
  /** Deletes it, whoever is still connected. */
  drop(): Promise<void>;
}

/**
 * An empty database with a name that nobody else has.
 * @param serverUrl PostgreSQL, as a role that may create databases
 */
export async function createTestDatabase(serverUrl: string): Promise<TestDatabase> {
  const name = `test_${randomBytes(8).toString('hex')}`;
  const url = await createDatabase(serverUrl, name);
  return {
    url,
    drop: async () => {
      const client = new Client({ connectionString: serverUrl });
      await client.connect();
      try {
        await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
      } finally {
        await client.end();
      }
    },
  };
}
