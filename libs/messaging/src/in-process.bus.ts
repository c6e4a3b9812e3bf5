import { callContext, orAborted } from '@rookery/context';
import type { DependencyState, Logger } from '@rookery/observability';
import type { PublishedEvent } from './event.js';
import { EventBus, type EventSubscription } from './event-bus.js';
import { type DeadLetter, type Hub, type Member, enterHub } from './in-process.hub.js';
import { type DeliveryPolicy, settleFailure } from './settlement.js';
import { within } from './within.js';

/** Bytes of a payload that the log gets: nothing else keeps it when the process ends. */
const PAYLOAD_LOGGED = 64 * 1024;

/** What the in-process driver takes from the configuration. */
export interface InProcessOptions extends DeliveryPolicy {
  /** Milliseconds that a stopping subscription waits for its running handlers. */
  readonly drainTimeout: number;
}

/**
 * The bus of services that live in one process. It stores nothing: `publish` resolves when every group has handled the
 * event or given it up, so that the event stays in the publisher's outbox until its effects are committed, and a
 * killed process starts over from there.
 */
export class InProcessBus extends EventBus {
  /** Each waits for its consumers. */
  readonly window = 256;
  readonly hub: Hub;
  private readonly release: () => void;

  constructor(
    hubName: string,
    private readonly options: InProcessOptions,
    private readonly logger: Logger,
  ) {
    super();
    const { hub, release } = enterHub(hubName);
    this.hub = hub;
    this.release = release;
  }

  /** The newest 1,000 events that a group of this hub gave up, the oldest first. */
  get deadLetters(): readonly DeadLetter[] {
    return this.hub.deadLetters;
  }

  publish(event: PublishedEvent, signal?: AbortSignal): Promise<void> {
    const report = (letter: DeadLetter) => this.logger.error(lineOf(letter), 'dead letter');
    const call = callContext()?.signal;
    return orAborted(this.hub.deliver(event, report, signal ?? call), call);
  }

  subscribe(subscription: EventSubscription): () => Promise<void> {
    const onRejection = (error: unknown, attempt: number) => settleFailure(error, { attempt }, this.options);
    const member: Member = { subscription, running: new Set(), onRejection };
    this.hub.join(member);
    return async () => {
      this.hub.leave(member);
      await within(Promise.all(member.running), this.options.drainTimeout);
    };
  }

  state(): DependencyState {
    return { up: true, detail: 'in process' };
  }

  async close(): Promise<void> {
    this.release();
  }
}

/** All that it takes to add the event to an outbox again. */
function lineOf({ group, event: { id, type, key, headers, payload }, attempts, reason }: DeadLetter): object {
  const cut = payload.length > PAYLOAD_LOGGED ? { payloadBytes: payload.length } : {};
  const text = Buffer.from(payload.subarray(0, PAYLOAD_LOGGED)).toString('base64');
  return { event: id, type, key, group, attempts, reason, headers, payload: text, ...cut };
}
