import { InProcessMessageBus } from './in-process.message-bus.js';
import { messageBusContract } from './message-bus.contract.js';

const hub = {};

messageBusContract('in process', () => ({
  open: async () => new InProcessMessageBus(hub),
  close: async () => undefined,
}));
