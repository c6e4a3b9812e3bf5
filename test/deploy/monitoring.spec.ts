import { beforeAll, describe, expect, it } from 'vitest';
import { applications } from './applications.js';
import { knownSeries } from './known-series.js';
import { components, overlays } from './overlays.js';
import { selects } from './pod-selection.js';
import { readQuery } from './promql.js';
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

describe('alerts', () => {
  let series: ReadonlyMap<string, readonly string[]>;
  beforeAll(async () => {
    series = await knownSeries();
  });

  it.each(alerts)('$alert asks for metrics that apps have, by labels that these have', ({ expr }) => {
    const { series: metrics, labels } = readQuery(expr);
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
