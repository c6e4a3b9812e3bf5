import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { ITEM } from './order-item.js';

/** An answer that does not come counts as none; then the same is asked again. */
const PATIENCE = 5_000;
/** Between two tries, in milliseconds, doubling; and how long a caller goes on before it calls the order lost. */
const RETRY = { first: 100, longest: 1_600, giveUp: 90_000 };

/** Answers that say: not now. None at all is 0. */
const TRY_AGAIN = new Set([0, 503, 504]);

type OrderEvent = 'order.v1.OrderCreated' | 'order.v1.OrderConfirmed' | 'order.v1.OrderCancelled';

/** An order that its caller was told of, and the events that follow from what the caller was told. */
export interface Acknowledged {
  readonly id: string;
  readonly userId: string;
  readonly events: readonly OrderEvent[];
}

/**
 * Orders at a steady rate, whatever becomes of those before: one in three is confirmed afterwards, one in three
 * cancelled. A caller who gets no answer, or UNAVAILABLE, repeats the same request, as the contract of CreateOrder
 * allows, until it is answered.
 */
export class OrderLoad {
  readonly acknowledged: Acknowledged[] = [];
  /** Answers that no caller should get, whatever is killed. */
  readonly failures: string[] = [];
  /** Requests that had to be repeated. */
  retried = 0;
  private started = 0;
  private readonly stopping = new AbortController();
  private readonly underway = new Set<Promise<void>>();
  private readonly loop: Promise<void>;

  /** @param users who order, in turn @param mostCallers at once: while all of them wait, no further one comes */
  constructor(
    private readonly api: string,
    private readonly users: readonly string[],
    perSecond: number,
    private readonly mostCallers = Number.POSITIVE_INFINITY,
  ) {
    this.loop = this.run(1_000 / perSecond);
  }

  /** Begins no further order and resolves when every caller has its answer. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.loop;
    await Promise.all(this.underway);
  }

  private async run(gap: number): Promise<void> {
    for (let at = Date.now(); !this.stopping.signal.aborted; at += gap) {
      const work = this.order(this.started++)
        .catch((error: unknown) => void this.failures.push(String(error)))
        .finally(() => this.underway.delete(work));
      this.underway.add(work);
      if (this.underway.size >= this.mostCallers) {
        await Promise.race(this.underway);
        at = Date.now();
      }
      await sleep(Math.max(0, at + gap - Date.now()));
    }
  }

  private async order(index: number): Promise<void> {
    const userId = this.users[index % this.users.length]!;
    const { id } = await this.insist<{ id: string }>(
      '/orders',
      { userId, items: [ITEM], requestId: randomUUID() },
      201,
    );
    const events: OrderEvent[] = ['order.v1.OrderCreated'];
    if (index % 3 === 0) {
      await this.insist(`/orders/${id}:confirm`, {}, 200);
      events.push('order.v1.OrderConfirmed');
    } else if (index % 3 === 1) {
      await this.insist(`/orders/${id}:cancel`, {}, 200);
      events.push('order.v1.OrderCancelled');
    }
    this.acknowledged.push({ id, userId, events });
  }

  /** @throws when the answer is neither the expected nor one to try again after */
  private async insist<T>(path: string, body: unknown, expected: number): Promise<T> {
    const giveUpAt = Date.now() + RETRY.giveUp;
    for (let pause = RETRY.first; ; pause = Math.min(2 * pause, RETRY.longest)) {
      const { status, text } = await this.post(path, body);
      if (status === expected) return JSON.parse(text) as T;
      if (!TRY_AGAIN.has(status) || Date.now() > giveUpAt) throw new Error(`${path} was answered ${status}: ${text}`);
      this.retried += 1;
      await sleep(pause);
    }
  }

  private async post(path: string, body: unknown): Promise<{ status: number; text: string }> {
    try {
      const response = await fetch(`${this.api}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(PATIENCE),
      });
      return { status: response.status, text: await response.text() };
    } catch (error) {
      return { status: 0, text: String(error) };
    }
  }
}
