import { orAborted } from '@rookery/context';
import {
  AckPolicy,
  DeliverPolicy,
  DiscardPolicy,
  type ConsumerInfo,
  type JetStreamManager,
  type StreamConfig,
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
import { INBOX_RETENTION } from './inbox.js';
import {
  DEAD_LETTER_STREAM,
  DEAD_LETTER_SUBJECTS,
  REPLAY_STREAM,
  REPLAY_SUBJECTS,
  consumerPrefix,
  streamOf,
} from './jetstream-names.js';
import type { LiveConnection } from './nats-client.js';

const DAY = 24 * 60 * 60 * 1_000;
/** How long the streams keep an event, handled or not. The inbox remembers ids for a day longer. */
const STREAM_MAX_AGE = 7 * DAY;
/**
 * Dead letters stay until somebody replays or drops them. When they are so many bytes, NATS refuses more: what is given
 * up then stays with its consumer, which tries to bury it again and says so in the log, and nothing is deleted unseen.
 */
const DEAD_LETTERS_KEPT = { max_age: 0, max_bytes: 256 * 1024 * 1024, discard: DiscardPolicy.New };
/** What NATS answers when a subject is in another stream already. */
const SUBJECTS_OVERLAP = 10_065;
/** How long NATS recognises an event that is published again, which a relay does when it missed the acknowledgement. */
export const DUPLICATE_WINDOW = 2 * 60 * 1_000;
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

/** A durable consumer as it has to be. */
export interface DurableConsumer {
  readonly stream: string;
  readonly name: string;
  readonly filter: string;
  /**
   * Of one that keeps the order of the stream. It goes on right behind what is settled, instead of waiting for what was
   * delivered and is not settled: 2.9 cannot give that back on demand, so it is made anew from there. One that nobody
   * uses any more goes away when it knows nothing that a new one would not: all that is in the stream is younger.
   */
  readonly ordered?: {
    /** What it is for, as other versions read it. */
    readonly description?: string;
    /** The message of the stream that a new one begins behind. */
    readonly after: number;
  };
}

/**
 * Creates the streams and consumers that are missing; publishers and consumers both ask for what they need, so it does
 * not matter who starts first. What exists is only checked for what correctness depends on: limits are the operator's.
 */
export class JetStreamTopology {
  /** What was made sure of, or is being made sure of right now, by stream. */
  private readonly known = new Map<string, { readonly subjects: readonly string[]; readonly sure: Promise<void> }>();
  private epoch = -1;

  constructor(private readonly options: { readonly replicas: number; readonly ackWait: number }) {}

  /** Makes sure that events of `type` are stored. @throws {TopologyMismatch} */
  stream(live: LiveConnection, type: string): Promise<void> {
    const { name, subjects } = streamOf(type);
    return this.ensureStream(live, name, subjects);
  }

  /** Makes sure that dead letters are stored. @throws {TopologyMismatch} */
  deadLetters(live: LiveConnection): Promise<void> {
    return this.ensureStream(live, DEAD_LETTER_STREAM, DEAD_LETTER_SUBJECTS, DEAD_LETTERS_KEPT);
  }

  /** Makes sure that replays are stored. @throws {TopologyMismatch} */
  replays(live: LiveConnection): Promise<void> {
    return this.ensureStream(live, REPLAY_STREAM, REPLAY_SUBJECTS);
  }

  /**
   * Makes sure that there is a consumer on a stream that exists; one that is not ordered begins with the oldest event.
   * @throws {TopologyMismatch}
   */
  async consumer(live: LiveConnection, { stream, name, filter, ordered }: DurableConsumer): Promise<ConsumerInfo> {
    const manager = await jetstreamManager(live.nats, { checkAPI: false });
    const info = orUndefined(manager.consumers.info(stream, name), JetStreamApiCodes.ConsumerNotFound);
    const [found, { config }] = await Promise.all([info, manager.streams.info(stream)]);
    checkRetention(config);
    const changeable = { ack_wait: nanos(this.options.ackWait), max_ack_pending: MAX_ACK_PENDING, max_deliver: -1 };
    const fixed = {
      durable_name: name,
      filter_subject: filter,
      ack_policy: AckPolicy.Explicit,
      ...(ordered && { description: ordered.description, inactive_threshold: nanos(INBOX_RETENTION) }),
    };
    const begin = (after: number) => {
      const where =
        after === 0
          ? { deliver_policy: DeliverPolicy.All }
          : { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: after + 1 };
      return manager.consumers.add(stream, { ...fixed, ...where, ...changeable });
    };
    if (!found) return begin(ordered?.after ?? 0);
    checkConsumer(found, filter);
    if (ordered && found.num_ack_pending > 0) {
      await manager.consumers.delete(stream, name);
      return begin(found.ack_floor.stream_seq);
    }
    const current = Object.entries(changeable).every(([key, value]) => Reflect.get(found.config, key) === value);
    return current ? found : manager.consumers.update(stream, name, changeable);
  }

  /** `stream/name` of the durable consumers of `group` that are none of `names`: their handlers were removed. */
  async left(live: LiveConnection, group: string, names: ReadonlySet<string>): Promise<string[]> {
    const manager = await jetstreamManager(live.nats, { checkAPI: false });
    const left: string[] = [];
    for await (const stream of manager.streams.names()) {
      for await (const { name } of manager.consumers.list(stream)) {
        if (name.startsWith(consumerPrefix(group)) && !names.has(name)) left.push(`${stream}/${name}`);
      }
    }
    return left;
  }

  /**
   * Forgets what was made sure of, after something said that it is not so.
   * @param subject of what was refused: the other streams are not in question
   */
  forget(subject?: string): void {
    for (const [name, { subjects }] of this.known) {
      if (subject === undefined || subjects.some((each) => subject.startsWith(prefixOf(each)))) this.known.delete(name);
    }
  }

  /** One request at a time for each stream, however many events wait for it. */
  private ensureStream(
    live: LiveConnection,
    name: string,
    subjects: string[],
    limits: Partial<StreamConfig> = {},
  ): Promise<void> {
    // Whoever reconnects may find another server, or one that lost its store.
    if (live.epoch !== this.epoch) this.forget();
    this.epoch = live.epoch;
    const known = this.known.get(name);
    if (known) return known.sure;
    // The client would wait for an answer that cannot come.
    const entry = { subjects, sure: orAborted(this.makeStream(live, name, subjects, limits), live.lost) };
    this.known.set(name, entry);
    entry.sure.catch(() => {
      if (this.known.get(name) === entry) this.known.delete(name);
    });
    return entry.sure;
  }

  private async makeStream(
    live: LiveConnection,
    name: string,
    subjects: string[],
    limits: Partial<StreamConfig>,
  ): Promise<void> {
    const manager = await jetstreamManager(live.nats, { checkAPI: false });
    const find = () => orUndefined(manager.streams.info(name), JetStreamApiCodes.StreamNotFound);
    const create = () => this.createStream(manager, name, subjects, limits);
    const found = (await find()) ?? (await create().catch(() => find()));
    // Neither there nor creatable: the second attempt says why.
    const info = found ?? (await create().catch((error: unknown) => explainOverlap(manager, subjects, error)));
    checkStream(info, subjects);
    // Made by an earlier version, and not changed by anybody since.
    const { max_age, max_bytes } = info.config;
    if (limits.max_age === 0 && max_age === nanos(STREAM_MAX_AGE) && max_bytes === -1) {
      await manager.streams.update(name, { ...info.config, ...limits });
    }
  }

  private createStream(
    manager: JetStreamManager,
    name: string,
    subjects: string[],
    limits: Partial<StreamConfig>,
  ): Promise<StreamInfo> {
    return manager.streams.add({
      name,
      subjects,
      retention: RetentionPolicy.Limits,
      storage: StorageType.File,
      max_age: nanos(STREAM_MAX_AGE),
      duplicate_window: nanos(DUPLICATE_WINDOW),
      num_replicas: this.options.replicas,
      ...limits,
    });
  }
}

/** `order.v1.` of `order.v1.>`. */
function prefixOf(subject: string): string {
  return subject.slice(0, -1);
}

async function explainOverlap(manager: JetStreamManager, subjects: string[], error: unknown): Promise<never> {
  if (!(error instanceof JetStreamApiError && error.code === SUBJECTS_OVERLAP)) throw error;
  const others: string[] = [];
  for await (const { config } of manager.streams.list()) {
    const common = config.subjects.filter((other) =>
      subjects.some((own) => own.startsWith(prefixOf(other)) || other.startsWith(prefixOf(own))),
    );
    if (common.length > 0) others.push(`${config.name} (${common.join(' ')})`);
  }
  throw new Error(
    `a stream of ${subjects.join(' ')} overlaps with ${others.join(', ') || 'another one'}: the package of an event ` +
      'cannot be the beginning of another one; rename one of them, as to acme.v1',
    { cause: error },
  );
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
  if (config.no_ack) throw mismatch('no_ack', true, false);
}

/** What a stream keeps longer than the inbox its ids would have a second effect if it came again. */
function checkRetention({ name, max_age }: StreamInfo['config']): void {
  if (max_age > 0 && max_age < nanos(INBOX_RETENTION)) return;
  const needed = `less than ${INBOX_RETENTION / DAY}d, which is how long handled events are remembered`;
  throw new TopologyMismatch(
    `stream ${name}`,
    'max_age',
    max_age === 0 ? 'unlimited' : `${max_age / nanos(DAY)}d`,
    needed,
  );
}

function checkConsumer({ config, name, stream_name: stream }: ConsumerInfo, filter: string): void {
  const needed = {
    filter_subject: filter,
    ack_policy: AckPolicy.Explicit,
    deliver_subject: undefined,
    // Servers leave out what is false.
    headers_only: undefined,
  };
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
