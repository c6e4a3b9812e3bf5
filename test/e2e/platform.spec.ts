import { randomUUID } from 'node:crypto';
import { createGrpcClient, type GrpcClient } from '@rookery/grpc';
import { OrderServiceDefinition, OrderStatus } from '@rookery/contracts/order/v1';
import { UserServiceDefinition } from '@rookery/contracts/user/v1';
import { InvalidArgument, NotFound } from '@rookery/errors';
import { Validator } from '@seriousme/openapi-schema-validator';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { type ServerEvent, events, rest } from './rest-client.js';
import { type RunningPlatform, startDistributed, startEmbedded } from './topologies.js';

const servers = { databaseUrl: inject('databaseUrl'), redisUrl: inject('redisUrl'), natsUrl: inject('natsUrl') };
const UNKNOWN = '018f0000-0000-7000-8000-000000000000';

interface User {
  id: string;
  email: string;
  name: string;
}
interface Order {
  id: string;
  status: string;
  total: { currencyCode: string; units: string; nanos: number };
}
interface Problem {
  status: number;
  code: string;
  reason: string;
  violations?: { field: string }[];
}

const item = (units = '12', nanos = 500_000_000) => ({
  sku: 'book',
  quantity: 2,
  unitPrice: { currencyCode: 'EUR', units, nanos },
});

describe.each([
  { topology: 'embedded, one process', start: () => startEmbedded() },
  { topology: 'a process for each service, on real servers', start: () => startDistributed(servers) },
])('$topology', ({ start }) => {
  let platform: RunningPlatform;
  let api: string;

  beforeAll(async () => {
    platform = await start();
    api = `${platform.restUrl}/v1`;
  });
  afterAll(async () => {
    expect(await platform.stop()).toEqual([...platform.processes].map(() => 0));
  });

  const post = <T>(path: string, body: unknown, headers?: Record<string, string>) =>
    rest<T>(`${api}${path}`, { method: 'POST', body, headers });
  const newUser = async () => (await post<User>('/users', { email: `${randomUUID()}@example.com`, name: 'Ada' })).body;
  const newOrder = async (userId: string) => (await post<Order>('/orders', { userId, items: [item()] })).body;

  describe('users', () => {
    it('are created, read, changed and deleted', async () => {
      const email = `${randomUUID()}@Example.com`;
      const created = await post<User>('/users', { email, name: 'Ada' });
      expect(created).toMatchObject({ status: 201, body: { email, name: 'Ada' } });
      const url = `${api}/users/${created.body.id}`;
      expect((await rest(url)).body).toEqual(created.body);

      const patched = await rest<User>(url, { method: 'PATCH', body: { name: 'Grace' } });
      expect(patched).toMatchObject({ status: 200, body: { email, name: 'Grace' } });
      expect((await rest(url)).body).toEqual(patched.body);

      expect(await rest(url, { method: 'DELETE' })).toMatchObject({ status: 200, body: {} });
      expect(await rest(url)).toMatchObject({
        status: 404,
        body: { reason: 'USER_NOT_FOUND', metadata: { id: created.body.id } },
      });
    });

    it('have an email of their own, whatever its case', async () => {
      const { email } = await newUser();
      expect(await post('/users', { email: email.toUpperCase(), name: 'x' })).toMatchObject({
        status: 409,
        body: { code: 'ALREADY_EXISTS', reason: 'USER_EMAIL_TAKEN' },
      });
    });

    it('are listed page by page, each once', async () => {
      const mine = await Promise.all([newUser(), newUser(), newUser()]);
      const seen: string[] = [];
      let pageToken = '';
      do {
        const { body } = await rest<{ users: User[]; nextPageToken: string }>(
          `${api}/users?pageSize=2&pageToken=${pageToken}`,
        );
        expect(body.users.length).toBeLessThanOrEqual(2);
        seen.push(...body.users.map(({ id }) => id));
        pageToken = body.nextPageToken;
      } while (pageToken !== '');
      expect(new Set(seen).size).toBe(seen.length);
      expect(seen).toEqual(expect.arrayContaining(mine.map(({ id }) => id)));
    });

    it('refuse a page token that is none', async () => {
      expect(await rest(`${api}/users?pageToken=nonsense`)).toMatchObject({
        status: 400,
        body: { violations: [{ field: 'pageToken' }] },
      });
    });

    it('are streamed to the end', async () => {
      const { id } = await newUser();
      const all: ServerEvent[] = [];
      for await (const event of events(`${api}/users:stream`)) all.push(event);
      expect(all.at(-1)?.event).toBe('end');
      expect(all.map(({ data }) => data['id'])).toContain(id);
    });
  });

  describe('orders', () => {
    it('add up and lead to a notification within 2 s', async () => {
      const user = await newUser();
      const order = await newOrder(user.id);
      expect(order).toMatchObject({
        status: 'ORDER_STATUS_PENDING',
        total: { currencyCode: 'EUR', units: '25', nanos: 0 },
      });
      const list = async () =>
        (await rest<{ notifications: object[] }>(`${api}/users/${user.id}/notifications`)).body.notifications;
      await expect
        .poll(list, { timeout: 2_000 })
        .toContainEqual(expect.objectContaining({ eventType: 'order.v1.OrderCreated', resourceId: order.id }));
      await expect.poll(list).toContainEqual(expect.objectContaining({ eventType: 'user.v1.UserCreated' }));
    });

    it('are the same for the same request id, with one event', async () => {
      const user = await newUser();
      const body = { userId: user.id, items: [item()], requestId: randomUUID() };
      const tries = await Promise.all([1, 2, 3].map(() => post<Order>('/orders', body)));
      expect(tries.map(({ status }) => status)).toEqual([201, 201, 201]);
      expect(new Set(tries.map((answer) => answer.body.id)).size).toBe(1);
      expect(await post('/orders', { ...body, items: [item('13')] })).toMatchObject({
        status: 409,
        body: { code: 'ALREADY_EXISTS', reason: 'REQUEST_ID_REUSED' },
      });
      // The second order's notification comes after all of the first one's.
      const second = await newOrder(user.id);
      const list = async () =>
        (await rest<{ notifications: { resourceId: string }[] }>(`${api}/users/${user.id}/notifications`)).body
          .notifications;
      await expect.poll(async () => (await list()).map(({ resourceId }) => resourceId)).toContain(second.id);
      expect((await list()).filter(({ resourceId }) => resourceId === tries[0]!.body.id)).toHaveLength(1);
    });

    it('need a user that exists', async () => {
      expect(await post('/orders', { userId: UNKNOWN, items: [item()] })).toMatchObject({
        status: 400,
        body: { code: 'FAILED_PRECONDITION', reason: 'USER_NOT_FOUND' },
      });
    });

    it('are confirmed or cancelled once, and whoever watches sees it', async () => {
      const { id } = await newOrder((await newUser()).id);
      const states: unknown[] = [];
      for await (const { event, data } of events(`${api}/orders/${id}:watch`)) {
        if (event === 'message') states.push(data['status']);
        if (states.length === 1) expect((await post(`/orders/${id}:confirm`, {})).status).toBe(200);
      }
      expect(states).toEqual(['ORDER_STATUS_PENDING', 'ORDER_STATUS_CONFIRMED']);
      expect(await rest(`${api}/orders/${id}`)).toMatchObject({ body: { status: 'ORDER_STATUS_CONFIRMED' } });
      expect(await post(`/orders/${id}:confirm`, {})).toMatchObject({ status: 200 });
      expect(await post(`/orders/${id}:cancel`, {})).toMatchObject({
        status: 400,
        body: { reason: 'ORDER_NOT_PENDING' },
      });
    });

    it('are listed for their user, the newest first', async () => {
      const user = await newUser();
      const first = await newOrder(user.id);
      const second = await newOrder(user.id);
      const { body } = await rest<{ orders: Order[] }>(`${api}/orders?userId=${user.id}`);
      expect(body.orders.map(({ id }) => id)).toEqual([second.id, first.id]);
    });
  });

  describe('notifications', () => {
    it('are streamed: those that are there, then each new one', async () => {
      const user = await newUser();
      const types: unknown[] = [];
      for await (const { data } of events(`${api}/users/${user.id}/notifications:stream`)) {
        types.push(data['eventType']);
        if (types.length === 1) await newOrder(user.id);
        if (types.length === 2) break;
      }
      expect(types).toEqual(['user.v1.UserCreated', 'order.v1.OrderCreated']);
    });
  });

  describe('bad input', () => {
    const invalid = (field: string) => ({ status: 400, body: { code: 'INVALID_ARGUMENT', violations: [{ field }] } });

    it.each([
      ['malformed JSON', '{"email":'],
      ['an unknown field', { email: 'a@b.cd', name: 'x', admin: true }],
      ['a wrong type', { email: 1, name: 'x' }],
      ['no object', '[]'],
    ])('is 400 for %s', async (_, body) => {
      const answer = await post<Problem>('/users', body);
      expect(answer).toMatchObject({ status: 400, body: { status: 400, code: 'INVALID_ARGUMENT' } });
      expect(answer.headers.get('content-type')).toContain('application/problem+json');
    });

    it('is 400, not 500, for what the database cannot hold and sums that no number can', async () => {
      expect(await post('/users', { email: `${randomUUID()}@example.com`, name: 'A\u0000' })).toMatchObject({
        status: 400,
      });
      const { id } = await newUser();
      const huge = { ...item('10000000000'), quantity: 1_000_000 };
      expect((await post('/orders', { userId: id, items: Array.from({ length: 100 }, () => huge) })).status).toBe(201);
      expect(await post('/orders', { userId: id, items: [item('10000000001')] })).toMatchObject(
        invalid('items[0].unitPrice.units'),
      );
      expect(await post('/orders', { userId: id, items: Array.from({ length: 300_000 }, () => ({})) })).toMatchObject({
        status: 400,
        body: { violations: [{ field: 'items' }] },
      });
    });

    it('refuses ids in another spelling than the one that is stored', async () => {
      const { id } = await newUser();
      expect(await rest(`${api}/users/${id.toUpperCase()}`)).toMatchObject(invalid('id'));
    });

    it('names the fields that are wrong, nested ones too', async () => {
      expect(await post('/users', { email: 'nobody', name: 'x' })).toMatchObject(invalid('email'));
      const { id } = await newUser();
      expect(await post('/orders', { userId: id, items: [item('-1')] })).toMatchObject(
        invalid('items[0].unitPrice.units'),
      );
      expect(await rest(`${api}/orders/nonsense:watch`)).toMatchObject(invalid('id'));
    });

    it('is 404 for an unknown route, 405 for a wrong verb, 413 for a body too large', async () => {
      expect((await rest(`${api}/nothing`)).status).toBe(404);
      expect(await rest(`${api}/orders`, { method: 'PUT', body: {} })).toMatchObject({ status: 405 });
      expect((await post('/users', { email: 'a@b.cd', name: 'x'.repeat(2_000_000) })).status).toBe(413);
    });
  });

  describe('the ways in', () => {
    it('carry the request id back', async () => {
      const { headers } = await rest(`${api}/users`, { headers: { 'x-request-id': 'mine-1' } });
      expect(headers.get('x-request-id')).toBe('mine-1');
      const [logged] = [...platform.processes].filter(([name]) => ['platform', 'user-service'].includes(name));
      await expect.poll(() => logged![1].output).toContain('"requestId":"mine-1"');
    });

    it('are described by a valid OpenAPI document', async () => {
      const { body } = await rest<{ paths: object }>(`${platform.restUrl}/openapi.json`);
      const { valid, errors } = await new Validator().validate(body);
      expect({ valid, errors }).toEqual({ valid: true, errors: undefined });
      expect(Object.keys(body.paths)).toEqual(
        expect.arrayContaining(['/v1/users', '/v1/orders/{id}:confirm', '/v1/users/{user_id}/notifications']),
      );
    });

    it('have documentation for people', async () => {
      const page = await fetch(`${platform.restUrl}/docs`);
      expect(page.status).toBe(200);
      expect(await page.text()).toContain('swagger-ui');
    });

    it('include gRPC itself, with the errors of the catalogue', async () => {
      const open: GrpcClient<never>[] = [];
      const users = createGrpcClient(UserServiceDefinition, { target: platform.grpc['user-service'], timeout: 5_000 });
      const orders = createGrpcClient(OrderServiceDefinition, {
        target: platform.grpc['order-service'],
        timeout: 5_000,
      });
      open.push(users as never, orders as never);
      try {
        const user = await users.methods.createUser({ email: `${randomUUID()}@example.com`, name: 'Ada' });
        expect(await users.methods.getUser({ id: user.id })).toEqual(user);
        await expect(users.methods.getUser({ id: UNKNOWN })).rejects.toBeInstanceOf(NotFound);
        await expect(users.methods.getUser({ id: 'x' })).rejects.toBeInstanceOf(InvalidArgument);
        const order = await orders.methods.createOrder({
          userId: user.id,
          items: [{ sku: 'book', quantity: 1, unitPrice: { currencyCode: 'EUR', units: 3n, nanos: 0 } }],
        });
        expect(order).toMatchObject({ status: OrderStatus.PENDING, total: { units: 3n } });
      } finally {
        for (const client of open) client.close();
      }
    });

    it.each(['user-service', 'order-service', 'notification-service'] as const)('probe %s', async (name) => {
      const { status, body } = await rest<{ details: object }>(`${platform.probes[name]}/health/ready`);
      expect(status).toBe(200);
      expect(Object.keys(body.details)).toEqual(expect.arrayContaining(['service', 'database', 'events']));
      expect((await rest(`${platform.probes[name]}/health/live`)).status).toBe(200);
      expect((await rest(`${platform.probes[name]}/health/startup`)).status).toBe(200);
      const metrics = await (await fetch(`${platform.probes[name]}/metrics`)).text();
      expect(metrics).toContain('process_cpu_seconds_total');
      expect(metrics).toContain('grpc_server_handling_seconds');
    });
  });
});
