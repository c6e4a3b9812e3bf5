import pino from 'pino';
import { inject, vi } from 'vitest';
import type { MessageBus } from '../../../libs/messaging/src/core/message-bus.js';
import { messageBusContract } from '../../../libs/messaging/src/core/message-bus.contract.js';
import { NatsMessageBus } from '../../../libs/messaging/src/core/nats.message-bus.js';
import { NatsClient } from '../../../libs/messaging/src/nats-client.js';

const logger = pino({ level: 'silent' });
const clients = new Map<MessageBus, NatsClient>();

messageBusContract('core NATS', () => ({
  open: async () => {
    const client = new NatsClient(inject('natsUrl'), 'shop', logger);
    const bus = new NatsMessageBus(client, logger);
    clients.set(bus, client);
    await vi.waitFor(() => client.current());
    return bus;
  },
  close: async (bus) => clients.get(bus)!.close(),
}));
