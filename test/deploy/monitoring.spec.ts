import { Code } from '@rookery/errors';
import { Logger, Metrics } from '@rookery/observability';
import { beforeAll, describe, expect, it } from 'vitest';
import { AccessLog } from '../../apps/gateway/src/rest/access-log.js';
import { CacheMetrics } from '../../libs/cache/src/cache.metrics.js';
import { DatabaseMetrics } from '../../libs/database/src/database.metrics.js';
import { MessagingMetrics } from '../../libs/messaging/src/messaging.metrics.js';
import { CallMetrics } from '../../libs/observability/src/call-metrics.js';
import { applications } from './applications.js';
import { components, overlays } from './overlays.js';
import { selects } from './pod-selection.js';
import type { Labels } from '../../tools/doctor/deployment/resource.js';

interface Alert {
  alert: string;
  expr: string;
  for?: string;
  labels: Labels;
  annotations: { summary: string };
}

interface ServiceMonitor {
  jobLabel: string;
  selector: { matchLabels: Labels };
  endpoints: { port: string; path: string }[];
}

const { resources } = components.find(({ name }) => name === 'monitoring')!;
const specOf = (kind: string) => resources.find((resource) => resource.kind === kind)!.spec as unknown;
const alerts = (specOf('PrometheusRule') as { groups: { rules: Alert[] }[] }).groups.flatMap(({ rules }) => rules);

/** What Prometheus adds to each series that it scrapes, and `le` of histograms. */
const ADDED = ['job', 'pod', 'le'];

/** Names of metrics and of their labels, as apps have them; `up` is Prometheus' own. */
async function knownSeries(): Promise<Map<string, readonly string[]>> {
  const metrics = new Metrics();
  new CallMetrics(metrics).ofMethod('user.v1.UserService', 'GetUser').ended(Code.OK, 0.01);
  const nothing = () => 0;
  const instruments = [
    new DatabaseMetrics(metrics),
    new CacheMetrics(metrics, nothing, nothing),
    new AccessLog(metrics, {} as Logger),
  ];
  expect(instruments).toHaveLength(3);
  new MessagingMetrics(metrics).watch(() => []);
  const series = new Map<string, readonly string[]>([['up', []]]);
  for (const { name, type, ...metric } of await metrics.registry.getMetricsAsJSON()) {
    const { labelNames = [] } = (metrics.registry.getSingleMetric(name) ?? {}) as { labelNames?: string[] };
    const [value] = metric.values;
    const labels = [...labelNames, ...Object.keys(value?.labels ?? {})];
    const suffixes = String(type) === 'histogram' ? ['_bucket', '_sum', '_count'] : [''];
    for (const suffix of suffixes) series.set(`${name}${suffix}`, labels);
  }
  return series;
}

/** The series that an expression reads, with the labels that it asks of each or groups by. */
function readIn(expr: string): { metrics: string[]; labels: string[] } {
  const plain = expr.replaceAll(/"[^"]*"/g, '""');
  const labels = [...plain.matchAll(/[{,]\s*(\w+)\s*(?:=~|!~|!=|=)|\bby \(([\w, ]+)\)/g)].flatMap(
    ([, matched, grouped]) => (matched ? [matched] : grouped!.split(/,\s*/)),
  );
  const rest = plain
    .replaceAll(/\bby \([^)]*\)|\{[^}]*\}|\[\w+\]/g, ' ')
    .replaceAll(/\b\w+\s*\(|\b(?:sum|max)\b/g, ' ');
  return { metrics: [...new Set(rest.match(/\b[a-z_]\w*/g))], labels: [...new Set(labels)] };
}

describe('alerts', () => {
  let series: Map<string, readonly string[]>;
  beforeAll(async () => {
    series = await knownSeries();
  });

  it.each(alerts)('$alert asks for metrics that apps have, by labels that these have', ({ expr }) => {
    const { metrics, labels } = readIn(expr);
    expect(metrics.length).toBeGreaterThan(0);
    expect(metrics.filter((name) => !series.has(name))).toEqual([]);
    const known = [...ADDED, ...metrics.flatMap((name) => series.get(name)!)];
    expect(labels.filter((label) => !known.includes(label))).toEqual([]);
  });

  it.each(alerts)('$alert says what is wrong with labels that are left, and how bad it is', (alert) => {
    expect(['critical', 'warning']).toContain(alert.labels.severity);
    const named = [...alert.annotations.summary.matchAll(/\$labels\.(\w+)/g)].map(([, label]) => label!);
    const grouped = [...alert.expr.matchAll(/\bby \(([\w, ]+)\)/g)].flatMap(([, list]) => list!.split(/,\s*/));
    const left = grouped.length > 0 ? grouped : ADDED;
    expect(named.length).toBeGreaterThan(0);
    expect(named.filter((label) => !left.includes(label))).toEqual([]);
  });

  it('are for what docs/operations.md calls worth an alert, and have names of their own', () => {
    const expressions = alerts.map(({ expr }) => expr).join('\n');
    for (const part of ['INTERNAL|UNKNOWN', 'state="waiting"', 'outbox_oldest_seconds', 'outcome="dead"']) {
      expect(expressions).toContain(part);
    }
    expect(new Set(alerts.map(({ alert }) => alert)).size).toBe(alerts.length);
  });
});

it.each(overlays)('every app of $name is scraped, and nothing else', ({ cluster }) => {
  const { selector, endpoints, jobLabel } = specOf('ServiceMonitor') as ServiceMonitor;
  const [{ port, path }] = endpoints as [ServiceMonitor['endpoints'][0]];
  const scraped = cluster
    .all('Service')
    .filter(({ metadata, spec }) => {
      return selects(selector, metadata.labels ?? {}) && spec!.ports!.some(({ name }) => name === port);
    })
    .map(({ metadata }) => ({ name: metadata.name, job: metadata.labels![jobLabel] }));
  const apps = applications.map(({ name }) => ({ name, job: name }));
  const byName = (one: { name: string }, other: { name: string }) => one.name.localeCompare(other.name);
  expect(scraped.toSorted(byName)).toEqual(apps.toSorted(byName));
  expect(path).toBe('/metrics');
});
