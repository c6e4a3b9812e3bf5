import { type ConsumerInfo, type JetStreamManager, type StreamInfo, jetstreamManager } from '@nats-io/jetstream';
import { type NatsConnection, connect } from '@nats-io/transport-node';
import { DeadLetters } from './dead-letters.js';
import { natsLogin } from './nats-login.js';

/** What an operator sees of the events of a platform and does to them, from outside of its services. */
export class EventsOperator {
  readonly deadLetters: DeadLetters;

  private constructor(
    private readonly nats: NatsConnection,
    private readonly manager: JetStreamManager,
  ) {
    this.deadLetters = new DeadLetters(nats, manager);
  }

  /** @throws when the NATS server at `url` cannot be reached or has no JetStream */
  static async connect(url: string): Promise<EventsOperator> {
    const nats = await connect({ ...natsLogin(url), name: 'events', maxReconnectAttempts: 0 });
    try {
      return new EventsOperator(nats, await jetstreamManager(nats));
    } catch (error) {
      await nats.close();
      throw error;
    }
  }

  async streams(): Promise<StreamInfo[]> {
    return collect(this.manager.streams.list());
  }

  /** The durable consumers of all streams. */
  async consumers(): Promise<ConsumerInfo[]> {
    const streams = await this.streams();
    const lists = streams.map(({ config }) => collect(this.manager.consumers.list(config.name)));
    return (await Promise.all(lists)).flat().filter(({ config }) => config.durable_name);
  }

  /** Removes a consumer that nobody needs any more. @throws when there is none of that name, or somebody pulls from it */
  async dropConsumer(name: string): Promise<void> {
    const consumer = (await this.consumers()).find((each) => each.name === name);
    if (!consumer) throw new Error(`there is no durable consumer ${name}`);
    if (consumer.num_waiting > 0) throw new Error(`${name} is in use: a service waits for its events`);
    await this.manager.consumers.delete(consumer.stream_name, name);
  }

  async close(): Promise<void> {
    await this.nats.close();
  }
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
