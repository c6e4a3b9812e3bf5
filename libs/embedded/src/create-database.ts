import { Client } from 'pg';

// PostgreSQL's own codes, https://www.postgresql.org/docs/current/errcodes-appendix.html
const DUPLICATE_DATABASE = '42P04';
const UNIQUE_VIOLATION = '23505'; // two CREATE DATABASE of one name at the same instant
const OBJECT_IN_USE = '55006'; // something is connected to template1 right now
const ATTEMPTS = 20;
const LONGEST_NAME = 63;

/**
 * Creates a database on the server behind `serverUrl` unless it is there already, and gives its URL. Any number of
 * processes may ask for the same name at once.
 *
 * @throws Error of `pg` when the server cannot be reached or the role may not create databases.
 */
export async function createDatabase(serverUrl: string, name: string): Promise<string> {
  if (name === '' || Buffer.byteLength(name) > LONGEST_NAME || name.includes('\0')) {
    throw new Error(`"${name}" cannot name a PostgreSQL database: it takes 1 to ${LONGEST_NAME} bytes.`);
  }
  const client = new Client({ connectionString: serverUrl, connectionTimeoutMillis: 10_000 });
  client.on('error', () => {}); // a query in progress rejects by itself
  await client.connect();
  try {
    const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [name]);
    if (rowCount === 0) await create(client, name);
  } finally {
    await client.end();
  }
  const url = new URL(serverUrl);
  url.pathname = `/${encodeURIComponent(name)}`;
  return url.href;
}

async function create(client: Client, name: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await client.query(`CREATE DATABASE ${client.escapeIdentifier(name)}`);
      return;
    } catch (error) {
      const code = (error as { code?: string }).code;
      if (code === DUPLICATE_DATABASE || code === UNIQUE_VIOLATION) return;
      if (code !== OBJECT_IN_USE || attempt === ATTEMPTS) throw error;
      await client.query('SELECT pg_sleep(0.1)');
    }
  }
}
