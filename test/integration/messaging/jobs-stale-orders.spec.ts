import { OrderServiceDefinition, OrderStatus } from '@rookery/contracts/order/v1';
import { UserServiceDefinition } from '@rookery/contracts/user/v1';
import { type TestService, fake, startTestService } from '@rookery/testing';
import pg from 'pg';
import { afterEach, expect, inject, it } from 'vitest';
import { OrderServiceModule } from '../../../apps/order-service/src/order-service.module.js';
import { soon } from './scenario.fixture.js';

const ADA = '018f0000-0000-7000-8000-00000000000a';
const items = [{ sku: 'book', quantity: 1, unitPrice: { currencyCode: 'EUR', units: 3n, nanos: 0 } }];

let service: TestService;
afterEach(() => service.close());

async function orderService(timeout: string) {
  service = await startTestService(OrderServiceModule, {
    databaseServerUrl: inject('databaseUrl'),
    clients: [fake(UserServiceDefinition, { getUser: ({ id }) => ({ id }) })],
    environment: { ORDER_PENDING_TIMEOUT: timeout },
  });
  return service.client(OrderServiceDefinition);
}

async function reminders(): Promise<number> {
  const client = new pg.Client({ connectionString: service.databaseUrl });
  await client.connect();
  try {
    return (await client.query('SELECT FROM outbox_delayed')).rowCount ?? 0;
  } finally {
    await client.end();
  }
}

it('an order that stays PENDING is cancelled, and everyone sees it', async () => {
  const orders = await orderService('500ms');
  const { id } = await orders.createOrder({ userId: ADA, items });
  expect(await orders.getOrder({ id })).toMatchObject({ status: OrderStatus.PENDING });
  // The reply above is in the cache for five minutes.
  await soon(async () => expect(await orders.getOrder({ id })).toMatchObject({ status: OrderStatus.CANCELLED }));
});

it('one that is confirmed in time is not', async () => {
  const orders = await orderService('1h');
  const { id } = await orders.createOrder({ userId: ADA, items });
  expect(await reminders()).toBe(1);
  await orders.confirmOrder({ id });
  expect(await reminders()).toBe(0);
});

it('with 0s none is', async () => {
  const orders = await orderService('0s');
  await orders.createOrder({ userId: ADA, items });
  expect(await reminders()).toBe(0);
});
