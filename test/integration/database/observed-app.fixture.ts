import { createTestDatabase } from '@rookery/testing';
import pg from 'pg';
import { inject } from 'vitest';
import { openDatabaseApp } from './database-app.fixture.js';

/** A row of `rows` whose name begins with `slow` has its COMMIT wait for this advisory lock. */
export const SLOW_COMMIT = 4711;

const TABLES = `
  CREATE TABLE rows (name text PRIMARY KEY);
  CREATE FUNCTION slow_commit() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN PERFORM pg_advisory_lock(${SLOW_COMMIT}); RETURN NULL; END $$;
  CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON rows DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.name LIKE 'slow%') EXECUTE FUNCTION slow_commit();`;

/** An application on a database of its own, and a session beside it that sees what the server sees. */
export type ObservedApp = Awaited<ReturnType<typeof openObservedApp>>;

/** @param tables SQL for more than the table `rows` */
export async function openObservedApp(variables: Record<string, string>, tables: string) {
  const database = await createTestDatabase(inject('databaseUrl'));
  const app = await openDatabaseApp(database.url, variables);
  const observer = new pg.Client({ connectionString: database.url, application_name: 'observer' });
  await observer.connect();
  await observer.query(TABLES + tables);
  return {
    ...app,
    url: database.url,
    observer,
    /** The names of the committed rows. */
    names: async () =>
      (await observer.query<{ name: string }>('SELECT name FROM rows ORDER BY name')).rows.map(({ name }) => name),
    close: async () => {
      await app.close();
      await observer.end();
      await database.drop();
    },
  };
}
