import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, headers } from '@nats-io/transport-node';
import { OrderCreated } from '@rookery/contracts/order/v1';
import { newEvent } from '../../../libs/messaging/src/event.js';
import { eventBusContract } from '../../../libs/messaging/src/event-bus.contract.js';
import { JetStreamBus } from '../../../libs/messaging/src/jetstream.bus.js';
import { JetStreamPublisher } from '../../../libs/messaging/src/jetstream.publisher.js';
import pino from 'pino';
import { expect, inject, it } from 'vitest';
import { NatsProxy } from './nats-proxy.fixture.js';
import { NatsServer } from './nats-server.fixture.js';
import { soon } from './scenario.fixture.js';

const jetStreamOptions = {
  drainTimeout: 5_000,
  maxDeliveries: 5,
  backoffFirst: 5,
  backoffLongest: 20,
  ackWait: 5_000,
  replicas: 1,
};

const logger = pino({ level: 'silent' });

eventBusContract('JetStream', () => ({
  open: (service) => new JetStreamBus(inject('natsUrl'), service, jetStreamOptions, logger),
}));

it.each([
  ['user and password', ['--user', 'shop', '--pass', 'p@ss'], 'shop:p%40ss@'],
  ['token', ['--auth', 't0ken'], 't0ken@'],
])('logs in with the %s of the URL, and is down with others', async (_, options, login) => {
  const server = await NatsServer.prepare();
  server.start(...options);
  const open = (credentials: string) =>
    new JetStreamBus(server.url.replace('//', `//${credentials}`), 'shop', jetStreamOptions, logger);
  const [right, wrong] = [open(login), open('mallory:guess@')];
  try {
    await soon(() => expect(right.state()).toEqual({ up: true }));
    await soon(() =>
      expect(wrong.state()).toMatchObject({ up: false, detail: expect.stringMatching(/authorization/i) }),
    );
  } finally {
    await Promise.all([right.close(), wrong.close()]);
    await server.remove();
  }
});

it.each([
  { what: 'what is on its way', begun: true },
  { what: 'what waits for its stream, which is made sure of first,', begun: false },
])('$what when the connection breaks fails at once, to be published again', async ({ begun }) => {
  const server = await NatsServer.prepare();
  server.start();
  const way = await NatsProxy.before(server.url);
  const bus = new JetStreamBus(way.url, 'shop', jetStreamOptions, logger);
  try {
    const event = () => newEvent(OrderCreated, { id: 'o-1' }, { source: 'shop' });
    await soon(() => expect(bus.state()).toEqual({ up: true }));
    if (begun) await soon(() => bus.publish(event()));
    server.freeze();
    const published = bus.publish(event()).then(
      () => 'stored',
      (error: Error) => error.message,
    );
    const started = performance.now();
    way.cut();
    expect(await published).toContain('the connection to NATS was lost');
    expect(performance.now() - started).toBeLessThan(1_000);
    server.thaw();
    way.mend();
    await soon(() => bus.publish(event()));
  } finally {
    server.thaw();
    await bus.close();
    await way.close();
    await server.remove();
  }
});

it('a publisher that NATS refuses the answers says so, and its connection lives on', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'rookery-permissions-'));
  const file = join(folder, 'nats.conf');
  await writeFile(
    file,
    'authorization { users: [{ user: a, password: b, permissions: { subscribe: { deny: "_INBOX.>" } } }] }',
  );
  const server = await NatsServer.prepare();
  server.start('-c', file);
  const nats = await connect({
    servers: server.url,
    user: 'a',
    pass: 'b',
    waitOnFirstConnect: true,
    reconnectTimeWait: 50,
  });
  try {
    const publisher = new JetStreamPublisher(nats, 5_000);
    const published = publisher.publish('order.v1.OrderCreated', new Uint8Array(), 'id', headers());
    await expect(published).rejects.toThrow('NATS does not let answers through');
    expect(publisher.usable).toBe(false);
    await nats.flush();
  } finally {
    await nats.close();
    await server.remove();
    await rm(folder, { recursive: true });
  }
});
