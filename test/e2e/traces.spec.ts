import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { type ReceivedSpan, TraceCollector } from '../trace-collector.js';
import { PlatformClient, UNKNOWN, item } from './platform-client.js';
import { events, rest } from './rest-client.js';
import { startDistributed } from './topologies.js';

const servers = { databaseUrl: inject('databaseUrl'), redisUrl: inject('redisUrl'), natsUrl: inject('natsUrl') };

let collector: TraceCollector;
let client: PlatformClient;

beforeAll(async () => {
  collector = await TraceCollector.start();
  const environment = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url };
  client = new PlatformClient(await startDistributed(servers, { environment }));
});
afterAll(async () => {
  await client.platform.stop();
  await collector.stop();
});

/** The trace of a request as it is once every service has sent its part. */
async function expectTrace(requestId: string, expected: string[]): Promise<ReceivedSpan> {
  const spanOf = () =>
    collector.spans.find(({ service, attributes }) => {
      return service === 'gateway' && attributes['rookery.request_id'] === requestId;
    });
  await expect.poll(() => spanOf() && collector.tree(spanOf()!)).toEqual(expected);
  return spanOf()!;
}

it('shows an order in all services that have a part in it, down to their statements', async () => {
  const user = await client.newUser();
  // From now on the user is in the cache.
  await rest(`${client.api}/users/${user.id}`);
  const requestId = randomUUID();
  const answer = await client.post('/orders', { userId: user.id, items: [item()] }, { 'x-request-id': requestId });
  expect(answer.status).toBe(201);
  await expectTrace(requestId, [
    'gateway: POST /v1/orders (server)',
    '  gateway: order.v1.OrderService/CreateOrder (client)',
    '    order-service: order.v1.OrderService/CreateOrder (server)',
    '      order-service: COMMIT (client)',
    '      order-service: INSERT orders (client)',
    '      order-service: INSERT outbox_delayed (client)',
    '      order-service: create order.v1.CancelStaleOrder (producer)',
    '      order-service: create order.v1.OrderCreated (producer)',
    '        notification-service: process order.v1.OrderCreated (consumer)',
    '          notification-service: COMMIT (client)',
    '          notification-service: INSERT notifications (client)',
    '          notification-service: SELECT (client)',
    '      order-service: user.v1.UserService/GetUser (client)',
    '        user-service: user.v1.UserService/GetUser (server)',
    '          user-service: MGET (client)',
  ]);
});

it('shows where a request failed, and as what', async () => {
  const requestId = randomUUID();
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  const headers = { 'x-request-id': requestId, traceparent };
  const answer = await client.post(`/orders/${UNKNOWN}:confirm`, {}, headers);
  expect(answer.status).toBe(404);
  const request = await expectTrace(requestId, [
    'gateway: POST /v1/orders/{id}:confirm (server)',
    '  gateway: order.v1.OrderService/ConfirmOrder (client)',
    '    order-service: order.v1.OrderService/ConfirmOrder (server)',
    '      order-service: ROLLBACK (client)',
    '      order-service: SELECT orders (client)',
    '      order-service: UNLINK (client)',
  ]);
  expect(request).toMatchObject({
    traceId: traceparent.slice(3, 35),
    parentId: traceparent.slice(36, 52),
    // Whoever asks for what is not there has made the mistake.
    failed: false,
    attributes: { 'http.route': '/v1/orders/{id}:confirm', 'http.response.status_code': 404 },
  });
  const [asked, answered] = collector
    .named('order.v1.OrderService/ConfirmOrder')
    .toSorted((a) => (a.kind === 'client' ? -1 : 1));
  expect(asked).toMatchObject({ failed: true, attributes: { 'rpc.response.status_code': 'NOT_FOUND' } });
  expect(answered).toMatchObject({ failed: false, attributes: { 'rpc.response.status_code': 'NOT_FOUND' } });
  const log = client.platform.processes.get('order-service')!.output;
  expect(log).toMatch(new RegExp(`"traceId":"${request.traceId}".*"code":"NOT_FOUND"`));
});

it('shows a stream until its client leaves', async () => {
  const user = await client.newUser();
  const order = await client.newOrder(user.id);
  for await (const event of events(`${client.api}/orders/${order.id}:watch`)) {
    expect(event.data).toMatchObject({ id: order.id });
    break;
  }
  const streamed = () =>
    collector
      .named('order.v1.OrderService/WatchOrder')
      .map(({ kind, attributes }) => `${kind} ${attributes['rpc.response.status_code']}`);
  await expect.poll(() => streamed().toSorted()).toEqual(['client CANCELLED', 'server CANCELLED']);
});

it('shows nothing of probes and metrics', async () => {
  await fetch(`${client.platform.probes['user-service']}/health/ready`);
  await fetch(`${client.platform.probes['user-service']}/metrics`);
  expect(new Set(collector.spans.map(({ kind, name }) => `${kind} ${name}`)).has('server GET')).toBe(false);
  expect(collector.spans.filter(({ name }) => /health|metrics/i.test(name))).toEqual([]);
});
