import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';

/** Events that wait for their handlers, or are with one, over all services. */
export async function undelivered(nats: NatsConnection): Promise<number> {
  const manager = await jetstreamManager(nats);
  let waiting = 0;
  for await (const stream of manager.streams.list()) {
    for await (const consumer of manager.consumers.list(stream.config.name)) {
      waiting += consumer.num_pending + consumer.num_ack_pending;
    }
  }
  return waiting;
}

/** How many events were given up. */
export async function deadLetters(nats: NatsConnection): Promise<number> {
  const manager = await jetstreamManager(nats);
  let count = 0;
  for await (const stream of manager.streams.list()) {
    if (stream.config.name === 'dead_letters') count = stream.state.messages;
  }
  return count;
}

/** The types of the events of a stream by their key, in the order in which JetStream got them. */
export async function publishedByKey(nats: NatsConnection, stream: string): Promise<Map<string, string[]>> {
  const types = new Map<string, string[]>();
  const consumer = await jetstream(nats).consumers.get(stream);
  for await (const { subject, headers, info } of await consumer.consume()) {
    const key = headers?.get('ce-partitionkey') ?? '';
    const before = types.get(key);
    if (before) before.push(subject);
    else types.set(key, [subject]);
    if (info.pending === 0) break;
  }
  return types;
}
