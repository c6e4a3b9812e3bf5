import { setTimeout as sleep } from 'node:timers/promises';
import { Unavailable } from '@rookery/errors';
import { ConcurrencyGate } from '@rookery/resilience';
import type { PublishedEvent } from './event.js';
import type { EventSubscription } from './event-bus.js';
import { KeyLanes } from './key-lanes.js';
import type { Settlement } from './settlement.js';

/** An event that a group gave up. */
export interface DeadLetter {
  readonly group: string;
  readonly event: PublishedEvent;
  readonly attempts: number;
  readonly reason: string;
}

/** Enough to see what is wrong; a bus in memory is for development. */
const DEAD_LETTERS_KEPT = 1_000;

/** A subscription of the hub, with what it takes to stop it. */
export interface Member {
  readonly subscription: EventSubscription;
  /** The deliveries it is handling. */
  readonly running: Set<Promise<Settlement>>;
  /** What a subscription whose `handle` rejects gets. */
  readonly onRejection: (error: unknown, attempt: number) => Settlement;
}

/** The subscriptions of one group to one type. They share the work. */
class Group {
  readonly members: Member[] = [];
  private turn = 0;
  private readonly gate: ConcurrencyGate;

  /** @param lanes set when events of one key are handled in turn */
  constructor(
    concurrency: number,
    private readonly lanes: KeyLanes | undefined,
  ) {
    this.gate = new ConcurrencyGate(concurrency);
  }

  handle(event: PublishedEvent, signal?: AbortSignal): Promise<{ attempts: number; reason?: string }> {
    const work = () => this.untilSettled(event, signal);
    return this.lanes ? this.lanes.run(event.key, work) : work();
  }

  /** Delivers until the event is done or dead. An event that waits for its next attempt leaves its place to others. */
  private async untilSettled(
    event: PublishedEvent,
    signal?: AbortSignal,
  ): Promise<{ attempts: number; reason?: string }> {
    for (let attempt = 1; ; attempt++) {
      const settlement = await this.gate.run(() => this.deliver(event, attempt, signal));
      if (settlement.kind === 'done') return { attempts: attempt };
      if (settlement.kind === 'dead') {
        // Each of them has counted the failures that it had.
        for (const { subscription } of this.members) subscription.dropped?.(event);
        return { attempts: attempt, reason: settlement.reason };
      }
      await sleep(settlement.delay, undefined, { signal });
    }
  }

  private async deliver(event: PublishedEvent, attempt: number, signal?: AbortSignal): Promise<Settlement> {
    signal?.throwIfAborted();
    const member = this.members[this.turn++ % Math.max(1, this.members.length)];
    if (!member) throw new Unavailable(`the consumers of ${event.type} have stopped`);
    const work = member.subscription
      .handle({ event, attempt })
      .catch((error: unknown) => member.onRejection(error, attempt));
    member.running.add(work);
    return work.finally(() => member.running.delete(work));
  }
}

/** What the in-process buses of one hub have in common: who subscribed, and what was given up. */
export class Hub {
  readonly deadLetters: DeadLetter[] = [];
  /** By type, then by group. A group stays known when its members have stopped: its events must not be lost. */
  private readonly groups = new Map<string, Map<string, Group>>();
  private readonly lanes = new Map<string, KeyLanes>();

  join(member: Member): void {
    const { type, group: name, concurrency, ordered } = member.subscription;
    const groups = this.groups.get(type) ?? new Map<string, Group>();
    this.groups.set(type, groups);
    const group = groups.get(name) ?? new Group(concurrency, ordered && this.lanesOf(name));
    groups.set(name, group);
    group.members.push(member);
  }

  /** Of a group: its ordered subscriptions share them, whatever their types. */
  private lanesOf(group: string): KeyLanes {
    const lanes = this.lanes.get(group) ?? new KeyLanes();
    this.lanes.set(group, lanes);
    return lanes;
  }

  leave(member: Member): void {
    const { type, group } = member.subscription;
    const members = this.groups.get(type)?.get(group)?.members ?? [];
    const index = members.indexOf(member);
    if (index >= 0) members.splice(index, 1);
  }

  /**
   * Has every group handle the event or give it up, which `onDead` is told.
   * @throws when a group could do neither; the others are done with it all the same
   */
  async deliver(event: PublishedEvent, onDead: (letter: DeadLetter) => void, signal?: AbortSignal): Promise<void> {
    const deliveries = [...(this.groups.get(event.type) ?? [])].map(async ([name, group]) => {
      const { attempts, reason } = await group.handle(event, signal);
      if (reason !== undefined) this.bury({ group: name, event, attempts, reason }, onDead);
    });
    const failure = (await Promise.allSettled(deliveries)).find((result) => result.status === 'rejected');
    if (failure) throw failure.reason;
  }

  private bury(letter: DeadLetter, onDead: (letter: DeadLetter) => void): void {
    this.deadLetters.push(letter);
    if (this.deadLetters.length > DEAD_LETTERS_KEPT) this.deadLetters.shift();
    onDead(letter);
  }
}

/**
 * The hubs of this process by name. The one thing in Rookery that is shared by the services of a process on purpose:
 * each is a Nest application of its own, and this is the wire between them. A hub lives as long as a bus uses it.
 */
const hubs = new Map<string, { hub: Hub; users: number }>();

/** The hub of that name. @returns with what lets go of it; the last one does away with it */
export function enterHub(name: string): { hub: Hub; release: () => void } {
  const entry = hubs.get(name) ?? { hub: new Hub(), users: 0 };
  hubs.set(name, entry);
  entry.users++;
  let released = false;
  const release = () => {
    if (released) return;
    released = true;
    if (--entry.users === 0) hubs.delete(name);
  };
  return { hub: entry.hub, release };
}
