import {
  AckPolicy,
  DeliverPolicy,
  type ConsumerInfo,
  type JetStreamManager,
  type StreamInfo,
} from '@nats-io/jetstream';
import {
  JetStreamApiCodes,
  JetStreamApiError,
  RetentionPolicy,
  StorageType,
  jetstreamManager,
} from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import { DEAD_LETTER_STREAM, DEAD_LETTER_SUBJECTS, consumerName, streamOf } from './jetstream-names.js';
import type { LiveConnection } from './nats-client.js';

const DAY = 24 * 60 * 60 * 1_000;
/** How long the streams keep an event, handled or not. The inbox remembers ids for a day longer. */
export const STREAM_MAX_AGE = 7 * DAY;
/** How long NATS recognises an event that is published again, which a relay does when it missed the acknowledgement. */
const DUPLICATE_WINDOW = 2 * 60 * 1_000;
/** Events that wait for their next attempt count; beyond it a consumer gets nothing new. */
const MAX_ACK_PENDING = 10_000;

/** Something of that name exists in NATS and is not what Rookery needs; a person has to decide which one is right. */
export class TopologyMismatch extends Error {
  constructor(what: string, property: string, found: unknown, needed: unknown) {
    super(
      `the ${what} exists with ${property} ${JSON.stringify(found)}, Rookery needs ${JSON.stringify(needed)}; ` +
        `change or delete it (nats ${what.split(' ')[0]} edit), it is created anew when it is missing`,
    );
    this.name = 'TopologyMismatch';
  }
}

/**
 * Creates the streams and consumers that are missing; publishers and consumers both ask for what they need, so it does
 * not matter who starts first. What exists is only checked for what correctness depends on: limits are the operator's.
 */
export class JetStreamTopology {
  private known = new Set<string>();
  private epoch = -1;

  constructor(private readonly options: { readonly replicas: number; readonly ackWait: number }) {}

  /** Makes sure that events of `type` are stored. @throws {TopologyMismatch} */
  stream(live: LiveConnection, type: string): Promise<void> {
    const { name, subjects } = streamOf(type);
    return this.ensureStream(live, name, subjects);
  }

  /** Makes sure that dead letters are stored. @throws {TopologyMismatch} */
  deadLetters(live: LiveConnection): Promise<void> {
    return this.ensureStream(live, DEAD_LETTER_STREAM, DEAD_LETTER_SUBJECTS);
  }

  /** Makes sure that `group` gets the events of `type`, from the oldest that is stored. @throws {TopologyMismatch} */
  async consumer(live: LiveConnection, group: string, type: string): Promise<ConsumerInfo> {
    await this.stream(live, type);
    const manager = await jetstreamManager(live.nats, { checkAPI: false });
    const stream = streamOf(type).name;
    const name = consumerName(group, type);
    const found = await orUndefined(manager.consumers.info(stream, name), JetStreamApiCodes.ConsumerNotFound);
    const changeable = { ack_wait: nanos(this.options.ackWait), max_ack_pending: MAX_ACK_PENDING, max_deliver: -1 };
    if (!found) {
      return manager.consumers.add(stream, {
        durable_name: name,
        filter_subject: type,
        ack_policy: AckPolicy.Explicit,
        deliver_policy: DeliverPolicy.All,
        ...changeable,
      });
    }
    checkConsumer(found, type);
    const current = Object.entries(changeable).every(([key, value]) => Reflect.get(found.config, key) === value);
    return current ? found : manager.consumers.update(stream, name, changeable);
  }

  /** Forgets what was made sure of, after something said that it is not so. */
  forget(): void {
    this.known.clear();
  }

  private async ensureStream(live: LiveConnection, name: string, subjects: string[]): Promise<void> {
    // Whoever reconnects may find another server, or one that lost its store.
    if (live.epoch !== this.epoch) this.forget();
    this.epoch = live.epoch;
    if (this.known.has(name)) return;
    const manager = await jetstreamManager(live.nats, { checkAPI: false });
    const find = () => orUndefined(manager.streams.info(name), JetStreamApiCodes.StreamNotFound);
    const found = (await find()) ?? (await this.createStream(manager, name, subjects).catch(() => find()));
    // Neither there nor creatable: the second attempt says why.
    checkStream(found ?? (await this.createStream(manager, name, subjects)), subjects);
    this.known.add(name);
  }

  private createStream(manager: JetStreamManager, name: string, subjects: string[]): Promise<StreamInfo> {
    return manager.streams.add({
      name,
      subjects,
      retention: RetentionPolicy.Limits,
      storage: StorageType.File,
      max_age: nanos(STREAM_MAX_AGE),
      duplicate_window: nanos(DUPLICATE_WINDOW),
      num_replicas: this.options.replicas,
    });
  }
}

function checkStream({ config }: StreamInfo, subjects: string[]): void {
  const mismatch = (property: string, found: unknown, needed: unknown) =>
    new TopologyMismatch(`stream ${config.name}`, property, found, needed);
  if (!subjects.every((subject) => config.subjects.includes(subject))) {
    throw mismatch('subjects', config.subjects, subjects);
  }
  if (config.retention !== RetentionPolicy.Limits)
    throw mismatch('retention', config.retention, RetentionPolicy.Limits);
  if (config.storage !== StorageType.File) throw mismatch('storage', config.storage, StorageType.File);
}

function checkConsumer({ config, name, stream_name: stream }: ConsumerInfo, type: string): void {
  const needed = { filter_subject: type, ack_policy: AckPolicy.Explicit, deliver_subject: undefined };
  for (const [property, value] of Object.entries(needed)) {
    const found: unknown = Reflect.get(config, property);
    if (found !== value) throw new TopologyMismatch(`consumer ${stream}/${name}`, property, found, value ?? 'none');
  }
}

async function orUndefined<T>(request: Promise<T>, code: number): Promise<T | undefined> {
  try {
    return await request;
  } catch (error) {
    if (error instanceof JetStreamApiError && error.code === code) return undefined;
    throw error;
  }
}
