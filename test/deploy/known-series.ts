import type { SpanExporter } from '@opentelemetry/sdk-trace-base';
import { Code } from '@rookery/errors';
import { type Logger, Metrics } from '@rookery/observability';
import { AccessLog } from '../../apps/gateway/src/rest/access-log.js';
import { CacheMetrics } from '../../libs/cache/src/cache.metrics.js';
import { DatabaseMetrics } from '../../libs/database/src/database.metrics.js';
import { MessagingMetrics } from '../../libs/messaging/src/messaging.metrics.js';
import { CallMetrics } from '../../libs/observability/src/call-metrics.js';
import { SpanQueue } from '../../libs/observability/src/tracing/span-queue.js';

/**
 * The labels of every series that the apps have, by its name: their own instruments are made as services make them, and
 * asked what they are. `up` is Prometheus' own. What it adds to each series that it scrapes (`job`) is not among them.
 */
export async function knownSeries(): Promise<ReadonlyMap<string, readonly string[]>> {
  const metrics = new Metrics();
  new CallMetrics(metrics).ofMethod('user.v1.UserService', 'GetUser').ended(Code.OK, 0.01);
  const nothing = () => 0;
  void [
    new DatabaseMetrics(metrics),
    new CacheMetrics(metrics, nothing, nothing),
    new AccessLog(metrics, {} as Logger),
    new SpanQueue({} as SpanExporter, 0, metrics, {} as Logger),
  ];
  new MessagingMetrics(metrics).watch(() => []);
  const series = new Map<string, readonly string[]>([['up', []]]);
  for (const { name, type, values } of await metrics.registry.getMetricsAsJSON()) {
    const { labelNames = [] } = (metrics.registry.getSingleMetric(name) ?? {}) as { labelNames?: string[] };
    const labels = [...new Set([...labelNames, ...values.flatMap((value) => Object.keys(value.labels))])];
    if (String(type) !== 'histogram') series.set(name, labels);
    else for (const suffix of ['_bucket', '_sum', '_count']) series.set(`${name}${suffix}`, [...labels, 'le']);
  }
  return series;
}
