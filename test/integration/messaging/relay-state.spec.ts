import type { TestingModule } from '@nestjs/testing';
import { OrderCreated } from '@rookery/contracts/order/v1';
import { UserCreated } from '@rookery/contracts/user/v1';
import { Transactions } from '@rookery/database';
import { Outbox } from '@rookery/messaging';
import { DataSource } from 'typeorm';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { NatsScenario } from './nats-scenario.fixture.js';
import { operator } from './nats-server.fixture.js';
import { soon } from './scenario.fixture.js';
import { metric, orderCreated, stateOf, waiting } from './services.fixture.js';

const HOLDER = `
  SELECT a.pid, a.application_name AS name FROM pg_locks l JOIN pg_stat_activity a USING (pid)
  WHERE l.locktype = 'advisory' AND l.granted AND l.objid = 7665002 AND a.datname = $1`;

let scenario: NatsScenario;

beforeEach(async () => {
  scenario = await NatsScenario.start();
});
afterEach(() => scenario.close());

const outbox = (service: TestingModule) => stateOf(service, 'outbox');

it('is as it is now: troubled from the first refusal of an event until the bus takes it, whatever others do', async () => {
  const lines: string[] = [];
  const shop = await scenario.service({ name: 'shop', onLog: ({ msg }) => lines.push(String(msg)) });
  const user = (id: string) =>
    shop.get(Transactions).run((tx) => shop.get(Outbox).add(tx, UserCreated, { id }, { key: id }));
  await orderCreated(shop, 'first');
  await user('first');
  await soon(async () => expect(await waiting(shop)).toBe(0));
  const { nats, jetstream } = await operator(scenario.server.url);
  const { config } = await jetstream.streams.info('order_v1');
  await jetstream.streams.update('order_v1', { ...config, max_msg_size: 10 });
  await orderCreated(shop, 'poison');
  await soon(async () => expect(await outbox(shop)).toMatchObject({ up: false }));
  // Many attempts of the one, while many of the others are taken.
  for (let n = 0; (await metric(shop, 'outbox_refused_total')) < 6; n++) {
    await user(`u-${n}`);
    expect(await outbox(shop)).toMatchObject({ up: false, detail: expect.stringContaining('events wait') as string });
  }
  expect(lines.filter((line) => line.includes('events wait'))).toHaveLength(1);
  expect(lines.filter((line) => line.includes('published again'))).toHaveLength(0);
  await jetstream.streams.update('order_v1', config);
  await nats.close();
  await soon(async () =>
    expect(await outbox(shop)).toEqual({ critical: false, up: true, detail: 'published by this replica' }),
  );
  expect(lines.filter((line) => line.includes('published again'))).toHaveLength(1);
});

it('has nothing to tell of events that waited for the bus and are gone in another way', async () => {
  const shop = await scenario.service({ name: 'shop' });
  await orderCreated(shop, 'first');
  await soon(async () => expect(await waiting(shop)).toBe(0));
  await scenario.server.stop();
  await orderCreated(shop, 'second');
  await soon(async () => expect((await outbox(shop)).detail).toContain('events wait'));
  await shop.get(DataSource).query('DELETE FROM outbox');
  scenario.server.start();
  await soon(async () =>
    expect(await outbox(shop)).toEqual({ critical: false, up: true, detail: 'published by this replica' }),
  );
});

it('of a replica that is not the relay any more says nothing of what the relay could not publish', async () => {
  const databaseUrl = await scenario.database();
  const one = await scenario.service({ name: 'one', databaseUrl });
  await orderCreated(one, 'first');
  await soon(async () => expect(await waiting(one)).toBe(0));
  const two = await scenario.service({ name: 'two', databaseUrl });
  await scenario.server.stop();
  await one
    .get(DataSource)
    .query(`INSERT INTO outbox (id, type, key, headers, payload) VALUES (gen_random_uuid(), $1, 'k', '{}', $2)`, [
      OrderCreated.$type,
      Buffer.from(OrderCreated.encode(OrderCreated.fromPartial({ id: 'second' })).finish()),
    ]);
  await soon(async () => expect((await outbox(one)).detail).toContain('events wait'));
  await soon(async () => {
    const [holder] = await scenario.query<{ pid: number; name: string }>(HOLDER, [
      new URL(databaseUrl).pathname.slice(1),
    ]);
    if (holder?.name === 'one control') await scenario.query('SELECT pg_terminate_backend($1)', [holder.pid]);
    expect(holder?.name).toBe('two control');
  });
  await soon(async () => expect((await outbox(two)).detail).toContain('events wait'));
  await soon(async () =>
    expect(await outbox(one)).toEqual({ critical: false, up: true, detail: 'published by another replica' }),
  );
  scenario.server.start();
  await soon(async () => expect(await waiting(one)).toBe(0));
  await soon(async () =>
    expect(await outbox(two)).toEqual({ critical: false, up: true, detail: 'published by this replica' }),
  );
});
