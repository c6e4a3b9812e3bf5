import { randomUUID } from 'node:crypto';
import { type Notification, NotificationServiceDefinition } from '@rookery/contracts/notification/v1';
import { type TestDatabase, type TestService, createTestDatabase, startTestService } from '@rookery/testing';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, expect, inject, it } from 'vitest';
import { NotificationServiceModule } from '../../../apps/notification-service/src/notification-service.module.js';

let database: TestDatabase;
let service: TestService;
let userId: string;
beforeAll(async () => {
  database = await createTestDatabase(inject('databaseUrl'));
  service = await startTestService(NotificationServiceModule, { databaseUrl: database.url });
});
afterAll(async () => {
  await service.close();
  await database.drop();
});
beforeEach(() => {
  userId = randomUUID();
});

async function session(): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  return client;
}

/** As the service does it: the row and the announcement of its user, in one transaction. */
async function insert(client: pg.Client, texts: string[], extra: Record<string, string> = {}): Promise<void> {
  const columns = Object.keys(extra).map((column) => `, ${column}`);
  const values = Object.values(extra).map((value) => `, '${value}'`);
  await client.query(
    `INSERT INTO notifications (id, user_id, event_type, resource_id, text${columns.join('')})
     SELECT uuidv7(), $1, 'test', '', text${values.join('')} FROM unnest($2::text[]) AS text`,
    [userId, texts],
  );
  await client.query(`SELECT pg_notify('notification_created', $1)`, [userId]);
}

function stream(): AsyncIterator<Notification> {
  return service.client(NotificationServiceDefinition).streamNotifications({ userId })[Symbol.asyncIterator]();
}

async function take(stream: AsyncIterator<Notification>, count: number): Promise<string[]> {
  const texts: string[] = [];
  while (texts.length < count) texts.push(((await stream.next()).value as Notification).text);
  return texts;
}

it('a stream begins with the whole history, the oldest first, and goes on with what is new', async () => {
  const client = await session();
  const texts = Array.from({ length: 1_203 }, (_, index) => `old ${index}`);
  await insert(client, texts);
  const received = stream();
  expect(await take(received, texts.length)).toEqual(texts);
  await insert(client, ['new 1']);
  await insert(client, ['new 2']);
  expect(await take(received, 2)).toEqual(['new 1', 'new 2']);
  await received.return?.();
  await client.end();
});

it('a stream has what was committed late, however late, and once', async () => {
  const [slow, quick] = [await session(), await session()];
  await slow.query('BEGIN');
  await insert(slow, ['slow'], { create_time: '2020-01-01' });
  const received = stream();
  await insert(quick, ['quick 1']);
  expect(await take(received, 1)).toEqual(['quick 1']);
  await insert(quick, ['quick 2']);
  expect(await take(received, 1)).toEqual(['quick 2']);
  await slow.query('COMMIT');
  expect(await take(received, 1)).toEqual(['slow']);
  await insert(quick, ['quick 3']);
  expect(await take(received, 1)).toEqual(['quick 3']);
  await received.return?.();
  await Promise.all([slow.end(), quick.end()]);
});

it('a stream of a restored database has its rows once, although their transactions are still to come here', async () => {
  const client = await session();
  await insert(client, ['restored'], { inserted_by: '9000000000000000000' });
  const received = stream();
  expect(await take(received, 1)).toEqual(['restored']);
  await insert(client, ['new 1']);
  await insert(client, ['new 2']);
  expect(await take(received, 2)).toEqual(['new 1', 'new 2']);
  await received.return?.();
  await client.end();
});
