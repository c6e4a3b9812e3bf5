import { OrderServiceDefinition } from '@rookery/contracts/order/v1';
import { UserServiceDefinition } from '@rookery/contracts/user/v1';
import { FailedPrecondition, NotFound } from '@rookery/errors';
import { type TestService, fake, startTestService } from '@rookery/testing';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { OrderServiceModule } from '../../../apps/order-service/src/order-service.module.js';

const ADA = '018f0000-0000-7000-8000-00000000000a';
const BOB = '018f0000-0000-7000-8000-00000000000b';

const users = fake(UserServiceDefinition, {
  getUser: ({ id }) => {
    if (id !== ADA) throw new NotFound(`no user ${id}`);
    return { id };
  },
});

let service: TestService;
beforeAll(async () => {
  service = await startTestService(OrderServiceModule, { databaseServerUrl: inject('databaseUrl'), clients: [users] });
});
afterAll(() => service.close());

it('takes orders of users that exist', async () => {
  const orders = service.client(OrderServiceDefinition);
  const items = [{ sku: 'book', quantity: 1, unitPrice: { currencyCode: 'EUR', units: 3n, nanos: 0 } }];
  expect(await orders.createOrder({ userId: ADA, items })).toMatchObject({ userId: ADA });
  await expect(orders.createOrder({ userId: BOB, items })).rejects.toThrow(FailedPrecondition);
});
