import { randomBytes } from 'node:crypto';
import type { BoundedStore } from './bounded-store.js';
import { SLICE } from './cache-store.js';
import type { Seen } from './question.js';

/** The right to load, for CACHE_LEASE; whoever has the token may give it back. */
export interface Lease {
  readonly name: string;
  readonly token: Buffer;
}

/** What a claim has brought: the lease, when this process has it, and what is there now. */
export interface Claim {
  readonly mine: Lease | undefined;
  readonly seen: Seen;
}

/** Leases that are remembered, at most: those of the calls of one moment. */
const MOST_OWED = 10_000;

/**
 * Takes leases and gives them back. While the store is away neither is certain: a claim that nobody waits for any more
 * may be granted when the store goes on, a lease may have been given back in vain. Those are owed, so that nobody
 * waits for a load that nobody makes: they are given back when the store answers again, and whoever of this process
 * meets one before takes it over.
 */
export class Leases {
  /** By their token, with when the store has forgotten them. */
  private readonly owed = new Map<string, { readonly lease: Lease; readonly until: number }>();

  /** @param life milliseconds that a lease lives */
  constructor(
    private readonly store: BoundedStore,
    private readonly life: number,
  ) {}

  /** One round trip: tries to take the lease, then looks again, for the one who had it may have finished by now. */
  async claim(name: string, keys: readonly string[]): Promise<Claim | undefined> {
    if (!this.store.breaker.closed) return undefined;
    const lease = { name, token: randomBytes(12) };
    const answer = await this.store.ask('claim', (store) =>
      Promise.all([store.add(name, lease.token, this.life), store.getMany([...keys, name])]),
    );
    if (!answer) {
      // Who is silent may grant it later, however much later; who refuses may have granted it and refused the look.
      if (this.store.breaker.closed) void this.release(lease);
      else this.owe(lease, Infinity);
      return undefined;
    }
    const [taken, found] = answer;
    return { mine: taken ? lease : this.owedOne(name, found.at(-1)), seen: found.slice(0, -1) };
  }

  async release(lease: Lease): Promise<void> {
    const answer = await this.store.ask('release', (store) => store.deleteIf(lease.name, lease.token));
    if (answer === undefined) this.owe(lease, performance.now() + this.life);
  }

  /** Gives back what is owed. */
  async settle(): Promise<void> {
    const owed = [...this.owed];
    for (let at = 0; at < owed.length && this.store.breaker.closed; at += SLICE) {
      const given = owed.slice(at, at + SLICE).map(([token, { lease, until }]) => {
        const still = this.owed.delete(token);
        return still && until > performance.now() ? this.release(lease) : undefined;
      });
      await Promise.all(given);
    }
  }

  private owe(lease: Lease, until: number): void {
    this.owed.set(lease.token.toString('base64'), { lease, until });
    if (this.owed.size <= MOST_OWED) return;
    const [oldest] = this.owed.keys();
    this.owed.delete(oldest!);
  }

  private owedOne(name: string, holder: Buffer | null | undefined): Lease | undefined {
    const token = holder?.toString('base64') ?? '';
    const found = this.owed.get(token)?.lease;
    if (found?.name !== name) return undefined;
    this.owed.delete(token);
    return found;
  }
}
