import { newId } from '@rookery/database';
import { NotFound } from '@rookery/errors';
import { type TestDatabase, createTestDatabase } from '@rookery/testing';
import type { Logger } from 'typeorm';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { CreateUsers1700000000100 } from '../../../apps/user-service/src/migrations/1700000000100-create-users.js';
import { User } from '../../../apps/user-service/src/user.entity.js';
import { UserService } from '../../../apps/user-service/src/user.service.js';
import { openDatabaseApp } from '../database/database-app.fixture.js';

let database: TestDatabase;
let app: Awaited<ReturnType<typeof openDatabaseApp>>;
let users: UserService;
beforeAll(async () => {
  database = await createTestDatabase(inject('databaseUrl'));
  app = await openDatabaseApp(database.url, {}, { entities: [User], migrations: [CreateUsers1700000000100] });
  users = new UserService(app.dataSource.getRepository(User), app.transactions, { add: async () => {} } as never);
});
afterAll(async () => {
  await app.close();
  await database.drop();
});

it('an update is one statement, and answers with the row as it is now', async () => {
  const { id } = await users.create({ email: 'ada@example.com', name: 'Ada' });
  const created = await users.get(id);
  const statements: string[] = [];
  const usual = app.dataSource.logger;
  app.dataSource.logger = { logQuery: (sql: string) => void statements.push(sql) } as Partial<Logger> as Logger;
  const updated = await users.update(id, { name: 'Ada L.' });
  app.dataSource.logger = usual;
  expect(statements.map((sql) => sql.split(' ')[0])).toEqual(['START', 'UPDATE', 'COMMIT']);
  expect(updated).toEqual(await users.get(id));
  expect(updated).toMatchObject({ id, email: 'ada@example.com', name: 'Ada L.', createTime: created.createTime });
  expect(updated.updateTime.getTime()).toBeGreaterThan(created.updateTime.getTime());
});

it('an update of nothing changes nothing, and one of nobody is not found', async () => {
  const { id } = await users.create({ email: 'bob@example.com', name: 'Bob' });
  expect(await users.update(id, {})).toEqual(await users.get(id));
  await expect(users.update(newId(), { name: 'x' })).rejects.toBeInstanceOf(NotFound);
  await expect(users.update(newId(), {})).rejects.toBeInstanceOf(NotFound);
});

it('an export has every user that was committed before it began, whatever is committed meanwhile', async () => {
  await app.dataSource.query('DELETE FROM users');
  const late = newId();
  const emails = Array.from({ length: 1_100 }, (_, index) => `${String(index).padStart(4, '0')}@example.com`);
  await app.dataSource.query(
    `INSERT INTO users (id, email, name) SELECT uuidv7(), email, 'x' FROM unnest($1::text[]) AS email`,
    [emails],
  );
  const exported: string[] = [];
  for await (const { email } of users.stream()) {
    // It comes before all of them, too late to be seen.
    if (exported.push(email) === 1) await app.dataSource.manager.insert(User, { id: late, email: 'late', name: 'x' });
  }
  expect(exported).toEqual(emails);
});
