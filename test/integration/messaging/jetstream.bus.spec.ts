import { eventBusContract } from '../../../libs/messaging/src/event-bus.contract.js';
import { JetStreamBus } from '../../../libs/messaging/src/jetstream.bus.js';
import pino from 'pino';
import { expect, inject, it } from 'vitest';
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
