import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type Order, type PlatformClient, UNKNOWN, item } from './platform-client.js';
import { events, rest } from './rest-client.js';

/** What orders are, in every topology: they need users and lead to notifications. */
export function ordersContract(client: () => PlatformClient): void {
  describe('orders', () => {
    it('add up and lead to a notification within 2 s', async () => {
      const user = await client().newUser();
      const order = await client().newOrder(user.id);
      expect(order).toMatchObject({
        status: 'ORDER_STATUS_PENDING',
        total: { currencyCode: 'EUR', units: '25', nanos: 0 },
      });
      const list = async () =>
        (await rest<{ notifications: object[] }>(`${client().api}/users/${user.id}/notifications`)).body.notifications;
      await expect
        .poll(list, { timeout: 2_000 })
        .toContainEqual(expect.objectContaining({ eventType: 'order.v1.OrderCreated', resourceId: order.id }));
      await expect.poll(list).toContainEqual(expect.objectContaining({ eventType: 'user.v1.UserCreated' }));
    });

    it('are the same for the same request id, with one event', async () => {
      const user = await client().newUser();
      const body = { userId: user.id, items: [item()], requestId: randomUUID() };
      const tries = await Promise.all([1, 2, 3].map(() => client().post<Order>('/orders', body)));
      expect(tries.map(({ status }) => status)).toEqual([201, 201, 201]);
      expect(new Set(tries.map((answer) => answer.body.id)).size).toBe(1);
      expect(await client().post('/orders', { ...body, items: [item('13')] })).toMatchObject({
        status: 409,
        body: { code: 'ALREADY_EXISTS', reason: 'REQUEST_ID_REUSED' },
      });
      // The second order's notification comes after all of the first one's.
      const second = await client().newOrder(user.id);
      const list = async () =>
        (await rest<{ notifications: { resourceId: string }[] }>(`${client().api}/users/${user.id}/notifications`)).body
          .notifications;
      await expect.poll(async () => (await list()).map(({ resourceId }) => resourceId)).toContain(second.id);
      expect((await list()).filter(({ resourceId }) => resourceId === tries[0]!.body.id)).toHaveLength(1);
    });

    it('need a user that exists', async () => {
      expect(await client().post('/orders', { userId: UNKNOWN, items: [item()] })).toMatchObject({
        status: 400,
        body: { code: 'FAILED_PRECONDITION', reason: 'USER_NOT_FOUND' },
      });
    });

    it('are confirmed or cancelled once, and whoever watches sees it', async () => {
      const { id } = await client().newOrder((await client().newUser()).id);
      const states: unknown[] = [];
      for await (const { event, data } of events(`${client().api}/orders/${id}:watch`)) {
        if (event === 'message') states.push(data['status']);
        if (states.length === 1) expect((await client().post(`/orders/${id}:confirm`, {})).status).toBe(200);
      }
      expect(states).toEqual(['ORDER_STATUS_PENDING', 'ORDER_STATUS_CONFIRMED']);
      expect(await rest(`${client().api}/orders/${id}`)).toMatchObject({ body: { status: 'ORDER_STATUS_CONFIRMED' } });
      expect(await client().post(`/orders/${id}:confirm`, {})).toMatchObject({ status: 200 });
      expect(await client().post(`/orders/${id}:cancel`, {})).toMatchObject({
        status: 400,
        body: { reason: 'ORDER_NOT_PENDING' },
      });
    });

    it('are listed for their user, the newest first', async () => {
      const user = await client().newUser();
      const first = await client().newOrder(user.id);
      const second = await client().newOrder(user.id);
      const { body } = await rest<{ orders: Order[] }>(`${client().api}/orders?userId=${user.id}`);
      expect(body.orders.map(({ id }) => id)).toEqual([second.id, first.id]);
    });
  });
}
