import { readMetrics, sumOf } from './prometheus.js';

const OUTCOMES = ['handled', 'duplicate', 'retry', 'dead'] as const;
type Outcomes = Record<(typeof OUTCOMES)[number], number>;

const none = (): Outcomes => ({ handled: 0, duplicate: 0, retry: 0, dead: 0 });

/**
 * How deliveries of events ended, over the lives of processes that are killed now and then. What a process counted since
 * it was last asked dies with it, so these are lower bounds.
 */
export class DeliveryTally {
  private readonly ended = none();
  private readonly living = new Map<string, Outcomes>();

  /** Asks a process. Ask before it is killed. */
  async ask(name: string, url: string): Promise<void> {
    const samples = await readMetrics(url);
    if (samples.length === 0) return;
    const outcomes = none();
    for (const outcome of OUTCOMES) outcomes[outcome] = sumOf(samples, 'event_handling_seconds_count', { outcome });
    this.living.set(name, outcomes);
  }

  /** The process is gone; the next one of this name counts from 0. */
  buried(name: string): void {
    add(this.ended, this.living.get(name));
    this.living.delete(name);
  }

  get total(): Outcomes {
    const total = { ...this.ended };
    for (const outcomes of this.living.values()) add(total, outcomes);
    return total;
  }
}

function add(sum: Outcomes, outcomes: Outcomes | undefined): void {
  if (outcomes) for (const outcome of OUTCOMES) sum[outcome] += outcomes[outcome];
}
