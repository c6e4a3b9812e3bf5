import { Code } from '@rookery/errors';
import type { Metrics } from '@rookery/observability';

/** From a millisecond to ten seconds, in seconds. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** What Prometheus learns of messages. */
export class MessageMetrics {
  private readonly handling;

  constructor(metrics: Metrics) {
    this.handling = metrics.histogram(
      'message_handling_seconds',
      'Time from the arrival of a message to the end of its handler, by pattern and code.',
      ['pattern', 'code'],
      BUCKETS,
    );
  }

  /** @param duration milliseconds */
  handled(pattern: string, code: Code, duration: number): void {
    this.handling.observe({ pattern, code: Code[code]! }, duration / 1000);
  }
}
