import { Code } from '@rookery/errors';
import type { Metric } from 'prom-client';
import type { Metrics } from './metrics.js';

/** From a millisecond to ten seconds, in seconds. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

const DURATION = 'grpc_server_handling_seconds';

/** How long the calls of one method took that ended with one code. */
class Durations {
  /** Calls whose duration is within each bucket and above the one before; the last are beyond all buckets. */
  readonly counts = new Float64Array(BUCKETS.length + 1);
  sum = 0;

  observe(seconds: number): void {
    let bucket = 0;
    while (bucket < BUCKETS.length && seconds > BUCKETS[bucket]!) bucket += 1;
    this.counts[bucket]! += 1;
    this.sum += seconds;
  }
}

/** What is counted of one RPC. */
export class MethodMetrics {
  inFlight = 0;
  private readonly byCode: (Durations | undefined)[] = [];

  constructor(
    readonly service: string,
    readonly method: string,
  ) {}

  ended(code: Code, seconds: number): void {
    this.inFlight -= 1;
    (this.byCode[code] ??= new Durations()).observe(seconds);
  }

  /** The histogram's values as Prometheus counts them: each bucket holds those below it as well. */
  *values() {
    for (const [code, durations] of this.byCode.entries()) {
      if (!durations) continue;
      const labels = { grpc_service: this.service, grpc_method: this.method, grpc_code: Code[code]! };
      let count = 0;
      for (const [index, own] of durations.counts.entries()) {
        count += own;
        const le = index < BUCKETS.length ? BUCKETS[index]! : '+Inf';
        yield { metricName: `${DURATION}_bucket`, labels: { le, ...labels }, value: count };
      }
      yield { metricName: `${DURATION}_sum`, labels, value: durations.sum };
      yield { metricName: `${DURATION}_count`, labels, value: count };
    }
  }
}

/**
 * Duration and number of the calls that a service answers. prom-client's own histogram looks its labels up at each
 * observation, which costs a call more than all else that is counted; here each method knows its numbers, and they are
 * put into Prometheus' form when it asks for them.
 */
export class CallMetrics {
  private readonly methods: MethodMetrics[] = [];

  constructor(metrics: Metrics) {
    const duration = {
      name: DURATION,
      get: async () => ({
        name: DURATION,
        help: 'Time from the start of a call to its end, by code.',
        type: 'histogram',
        aggregator: 'sum',
        values: this.methods.flatMap((method) => [...method.values()]),
      }),
      reset: () => undefined,
    };
    metrics.registry.registerMetric(duration as unknown as Metric);
    metrics.gauge('grpc_server_in_flight', 'Calls being served.', ['grpc_service', 'grpc_method'], (gauge) => {
      for (const { service, method, inFlight } of this.methods) {
        gauge.set({ grpc_service: service, grpc_method: method }, inFlight);
      }
    });
  }

  ofMethod(service: string, method: string): MethodMetrics {
    const metrics = new MethodMetrics(service, method);
    this.methods.push(metrics);
    return metrics;
  }
}
