import {
  AckPolicy,
  DeliverPolicy,
  JetStreamApiCodes,
  JetStreamApiError,
  type JetStreamManager,
  type StoredMsg,
  jetstream,
} from '@nats-io/jetstream';
import { type MsgHdrs, type NatsConnection, headers as natsHeaders } from '@nats-io/transport-node';
import { type DeadLetter, deadLetterOf, placeOf } from './dead-letter.js';
import { DEAD_LETTER_STREAM, REPLAY_STREAM, replayConsumerName, replayPrefix } from './jetstream-names.js';

/** Which dead letters; every condition that is given has to hold. */
export interface DeadLetterFilter {
  readonly service?: string;
  readonly type?: string;
  /** The event's id. */
  readonly id?: string;
}

/** How long a page of letters may take to arrive. */
const READ_TIMEOUT = 5_000;

/** What an operator does with events that services gave up, on a connection of the operator's. */
export class DeadLetters {
  constructor(
    private readonly nats: NatsConnection,
    private readonly manager: JetStreamManager,
  ) {}

  /** Those that the filter lets through, the oldest first, without their payloads. */
  async list({ service, type, id }: DeadLetterFilter = {}): Promise<DeadLetter[]> {
    const config = {
      ack_policy: AckPolicy.None,
      deliver_policy: DeliverPolicy.All,
      headers_only: true,
      mem_storage: true,
    };
    const reader = await found(this.manager.consumers.add(DEAD_LETTER_STREAM, config));
    if (!reader) return [];
    const letters: DeadLetter[] = [];
    try {
      const consumer = jetstream(this.nats).consumers.getConsumerFromInfo(reader);
      for (let left = reader.num_pending; left > 0;) {
        const page = await consumer.fetch({ max_messages: Math.min(left, 500), expires: READ_TIMEOUT });
        const before = left;
        for await (const message of page) {
          left = message.info.pending;
          letters.push(deadLetterOf(message.seq, typeOf(message.subject), plainHeaders(message.headers)));
        }
        if (left === before) throw new Error(`NATS did not send ${left} dead letters within ${READ_TIMEOUT} ms`);
      }
    } finally {
      await this.manager.consumers.delete(DEAD_LETTER_STREAM, reader.name);
    }
    return letters.filter(
      (letter) =>
        (service === undefined || letter.service === service) &&
        (type === undefined || letter.type === type) &&
        (id === undefined || letter.id === id),
    );
  }

  /** One letter with its payload; undefined when there is none of that number. */
  async get(sequence: number): Promise<(DeadLetter & { payload: Uint8Array }) | undefined> {
    const read = await this.read(sequence);
    if (!read) return undefined;
    const { letter, payload } = read;
    if (payload) return { ...letter, payload };
    return { ...letter, payloadIn: `${letter.payloadIn}, which is gone`, payload: new Uint8Array() };
  }

  /**
   * Has the service that gave the event up handle it again, and no other; then the letter is gone. The event keeps its
   * id, so that it still has its effect once. Should this end in between, the letter is still there.
   * @param payload instead of the one it has
   * @throws when the letter is not there, or its service never listened for replays
   */
  async replay(sequence: number, payload?: Uint8Array): Promise<void> {
    const read = await this.read(sequence);
    if (!read) throw new Error(`there is no dead letter ${sequence}`);
    const { letter } = read;
    const { service, type } = letter;
    const content = payload ?? read.payload;
    if (!content) throw new Error(`dead letter ${sequence} can only be replayed with a payload: its payload is gone`);
    if (!(await found(this.manager.consumers.info(REPLAY_STREAM, replayConsumerName(service))))) {
      throw new Error(`${service} takes no replays from this NATS: a service that handles events must have run here`);
    }
    const headers = natsHeaders();
    for (const [name, value] of Object.entries(letter.headers)) headers.set(name, value);
    await jetstream(this.nats).publish(`${replayPrefix(service)}${type}`, content, {
      headers,
      // Whoever replays it twice within two minutes, because the command was cut off, replays it once.
      msgID: `replay ${letter.time} ${sequence}`,
    });
    await this.drop(sequence);
  }

  /** @returns undefined when there is none of that number; no payload when it was elsewhere and is gone */
  private async read(sequence: number): Promise<{ letter: DeadLetter; payload?: Uint8Array } | undefined> {
    const message = await this.message(DEAD_LETTER_STREAM, sequence);
    if (!message) return undefined;
    const letter = deadLetterOf(sequence, typeOf(message.subject), plainHeaders(message.header));
    const place = letter.payloadIn === undefined ? undefined : placeOf(letter.payloadIn);
    if (!place) return { letter, payload: message.data };
    const kept = await this.message(place.stream, place.sequence);
    // A stream that was made anew counts from 1 again.
    return { letter, payload: kept && plainHeaders(kept.header)['ce-id'] === letter.id ? kept.data : undefined };
  }

  private async message(stream: string, sequence: number): Promise<StoredMsg | undefined> {
    // Asking a server of 2.9 for a message of a stream that is not there is not safe.
    if (!(await found(this.manager.streams.info(stream)))) return undefined;
    return (await found(this.manager.streams.getMessage(stream, { seq: sequence }))) ?? undefined;
  }

  /** Forgets a letter. @returns whether it was there */
  async drop(sequence: number): Promise<boolean> {
    return (await found(this.manager.streams.deleteMessage(DEAD_LETTER_STREAM, sequence, false))) === true;
  }
}

/** `order.v1.OrderCreated` of `dead.mail-service.order.v1.OrderCreated`. */
function typeOf(subject: string): string {
  return subject.split('.').slice(2).join('.');
}

function plainHeaders(headers: MsgHdrs | undefined): Record<string, string> {
  return Object.fromEntries([...(headers ?? [])].map(([name, values]) => [name.toLowerCase(), values.at(-1) ?? '']));
}

/** Streams, consumers and messages that are not there; 10043 and 10057 are what deleting such a message gets. */
const NOT_FOUND = new Set<number>([
  JetStreamApiCodes.StreamNotFound,
  JetStreamApiCodes.ConsumerNotFound,
  JetStreamApiCodes.NoMessageFound,
  10043,
  10057,
]);

async function found<T>(request: Promise<T>): Promise<T | undefined> {
  try {
    return await request;
  } catch (error) {
    if (error instanceof JetStreamApiError && NOT_FOUND.has(error.code)) return undefined;
    throw error;
  }
}
