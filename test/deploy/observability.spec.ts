import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Environment, loadConfig } from '@rookery/config';
import { beforeAll, describe, expect, it } from 'vitest';
import { GatewayConfig } from '../../apps/gateway/src/gateway.config.js';
import { readYaml } from '../../tools/doctor/deployment/kustomization.js';
import { gateway, services } from './applications.js';
import { OBSERVABILITY, composed, environmentOf, publishedBy } from './compose.js';
import { knownSeries } from './known-series.js';
import { readQuery } from './promql.js';

const FOLDER = 'observability';
const DASHBOARDS = `${FOLDER}/grafana/dashboards`;

/** What Prometheus adds to each series that it scrapes. */
const ADDED = ['job', 'instance'];

interface Panel {
  id: number;
  type: string;
  title: string;
  gridPos: { x: number; y: number; w: number; h: number };
  datasource?: { type: string; uid: string };
  targets?: { refId: string; expr: string; legendFormat: string }[];
}

interface Dashboard {
  uid: string;
  title: string;
  panels: Panel[];
  templating: { list: { name: string; datasource: { uid: string }; query: { query: string } }[] };
}

interface PrometheusConfig {
  scrape_configs: {
    job_name: string;
    metrics_path?: string;
    dns_sd_configs: { type: string; port: number; names: string[] }[];
    relabel_configs?: { source_labels: string[]; target_label: string }[];
  }[];
}

interface DataSources {
  datasources: { name: string; uid: string; type: string; url: string }[];
}

/** Where a file of this folder is in its container. */
function mountedAt(service: string, path: string): string {
  for (const volume of composed(service).volumes ?? []) {
    const [source, target] = volume.replace(/:ro$/, '').split(':') as [string, string];
    const below = source.replace(/^\.\//, '');
    if (path === below || path.startsWith(`${below}/`)) return `${target}${path.slice(below.length)}`;
  }
  throw new Error(`${path} is not mounted into ${service}`);
}

/** The service of docker-compose.yml that `host:port` or a URL leads to: it listens there. */
function reached(address: string): string {
  const [, host, port] = /^(?:http:\/\/)?([\w-]+):(\d+)$/.exec(address)!;
  expect(OBSERVABILITY).toContain(host);
  // What is not published has no other place where its port is written down.
  if (host !== 'jaeger' || port === '16686') {
    expect([...publishedBy(composed(host!)).keys()]).toContain(Number(port));
  }
  return host!;
}

describe('Prometheus', () => {
  const path = `${FOLDER}/prometheus.yml`;
  const [{ scrape_configs: scraped }] = readYaml(path) as [PrometheusConfig];

  it('finds every replica of each app by its name, and calls it so', () => {
    const [{ port }] = loadConfig([GatewayConfig], new Environment(environmentOf(gateway.name)));
    const found = scraped.flatMap(({ job_name: job, metrics_path: metrics, dns_sd_configs: lookups, ...rest }) => {
      expect(metrics).toBeUndefined();
      const byName = rest.relabel_configs?.some(
        ({ source_labels: [from], target_label: to }) => from === '__meta_dns_name' && to === 'job',
      );
      return lookups.flatMap(({ type, port: at, names }) => {
        expect(type).toBe('A');
        return names.map((name) => ({ name, job: byName ? name : job, port: at }));
      });
    });
    const expected = services.map(({ name }) => ({ name, job: name, port: Number(environmentOf(name)['HTTP_PORT']) }));
    expect(found).toEqual(expect.arrayContaining(expected));
    expect(found).toContainEqual({ name: gateway.name, job: gateway.name, port });
    expect(found).toHaveLength(expected.length + 1);
  });

  it('reads it where its image looks for it', () => {
    expect(mountedAt('prometheus', path)).toBe('/etc/prometheus/prometheus.yml');
  });

  const hasPromtool = spawnSync('promtool', ['--version']).status === 0;
  if (!hasPromtool) console.warn('skipped: promtool is not on the PATH, which would check the configuration too');
  it.skipIf(!hasPromtool)('accepts it', () => {
    const { status, stdout, stderr } = spawnSync('promtool', ['check', 'config', path], { encoding: 'utf8' });
    expect(status, stdout + stderr).toBe(0);
  });
});

describe('Grafana', () => {
  const provisioning = `${FOLDER}/grafana/provisioning`;
  const [{ datasources }] = readYaml(`${provisioning}/datasources/datasources.yaml`) as [DataSources];
  const dashboards = readdirSync(DASHBOARDS).map((file) => ({
    file,
    dashboard: JSON.parse(readFileSync(join(DASHBOARDS, file), 'utf8')) as Dashboard,
  }));
  const queries = dashboards.flatMap(({ file, dashboard: { panels } }) =>
    panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ file, title, expr }))),
  );
  let series: ReadonlyMap<string, readonly string[]>;
  beforeAll(async () => {
    series = await knownSeries();
  });

  /** Fails where an expression asks for what no app has. */
  function expectKnown(expression: string): void {
    const { series: asked, labels } = readQuery(expression);
    expect(asked.length).toBeGreaterThan(0);
    expect(asked.filter((name) => !series.has(name))).toEqual([]);
    const known = [...ADDED, ...asked.flatMap((name) => series.get(name)!)];
    expect(labels.filter((label) => !known.includes(label))).toEqual([]);
  }

  it('is given data sources that are there', () => {
    expect(datasources.map(({ url }) => reached(url))).toEqual(['prometheus', 'jaeger']);
    expect(new Set(datasources.map(({ uid }) => uid)).size).toBe(datasources.length);
  });

  it('finds what it is provisioned with, and shows the platform first', () => {
    expect(mountedAt('grafana', provisioning)).toBe('/etc/grafana/provisioning');
    const [{ providers }] = readYaml(`${provisioning}/dashboards/dashboards.yaml`) as [
      { providers: { type: string; options: { path: string } }[] },
    ];
    expect(providers.map(({ type, options }) => [type, options.path])).toEqual([
      ['file', mountedAt('grafana', DASHBOARDS)],
    ]);
    const home = environmentOf('grafana')['GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH'];
    expect(home).toBe(mountedAt('grafana', `${DASHBOARDS}/platform.json`));
    expect(existsSync(`${DASHBOARDS}/platform.json`)).toBe(true);
  });

  it.each(dashboards)('$file: ids of their own, panels beside each other, known data sources', ({ dashboard }) => {
    const uids = dashboards.map((each) => each.dashboard.uid);
    expect(uids.filter((uid) => uid === dashboard.uid)).toHaveLength(1);
    const { panels, templating } = dashboard;
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, at) => `${x + (at % w)},${y + Math.floor(at / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    expect(panels.filter(({ gridPos: { x, w } }) => x + w > 24)).toEqual([]);
    const shown = panels.filter(({ type }) => type !== 'row');
    const used = [...shown.map(({ datasource }) => datasource?.uid), ...templating.list.map((v) => v.datasource.uid)];
    expect(used.filter((uid) => !datasources.some((source) => source.uid === uid))).toEqual([]);
    expect(shown.filter(({ targets = [] }) => targets.length === 0)).toEqual([]);
  });

  it.each(queries)('$file, $title: asks for metrics that apps have, by labels that these have', ({ expr }) => {
    expectKnown(expr.replaceAll('$__rate_interval', '1m'));
  });

  it.each(queries)('$file, $title: asks for no variable that the dashboard has not', ({ file, expr }) => {
    const names = dashboards.find((each) => each.file === file)!.dashboard.templating.list.map(({ name }) => name);
    const asked = [...expr.matchAll(/\$(\w+)/g)].map(([, name]) => name!);
    expect(asked.filter((name) => ![...names, '__rate_interval'].includes(name))).toEqual([]);
  });

  it.each(dashboards.flatMap(({ file, dashboard }) => dashboard.templating.list.map((each) => ({ file, ...each }))))(
    '$file: the values of $name are those of a label that apps have',
    ({ query: { query } }) => {
      const [, selector, label] = /^label_values\((.+), (\w+)\)$/.exec(query)!;
      expectKnown(`group by (${label}) (${selector})`);
    },
  );

  it('shows calls, cache, outbox, consumers, connections and event loops', () => {
    const asked = new Set(queries.flatMap(({ expr }) => readQuery(expr.replaceAll('$__rate_interval', '1m')).series));
    for (const name of [
      'http_server_request_duration_seconds_bucket',
      'grpc_server_handling_seconds_bucket',
      'grpc_server_in_flight',
      'cache_requests_total',
      'outbox_pending',
      'outbox_oldest_seconds',
      'event_handling_seconds_count',
      'event_consumer_pending',
      'database_pool_connections',
      'nodejs_eventloop_lag_p99_seconds',
    ]) {
      expect(asked).toContain(name);
    }
  });

  it('would be told of a metric or a label that nobody has, and of what is no PromQL', () => {
    expect(() => expectKnown('rate(grpc_calls_total[5m])')).toThrow('grpc_calls_total');
    expect(() => expectKnown('sum by (method) (rate(grpc_server_handling_seconds_count[5m]))')).toThrow('method');
    expect(() => expectKnown('sum(rate(up[5m])')).toThrow('is no PromQL');
  });
});

describe('the collector', () => {
  const path = `${FOLDER}/otel-collector.yaml`;
  interface Pipeline {
    receivers: string[];
    processors: string[];
    exporters: string[];
  }
  const [config] = readYaml(path) as [
    Record<keyof Pipeline, Record<string, unknown>> & { service: { pipelines: Record<string, Pipeline> } },
  ];

  it('takes OTLP where it is published, and hands it to Jaeger', () => {
    const { protocols } = config.receivers['otlp'] as { protocols: Record<string, { endpoint: string }> };
    const ports = Object.values(protocols).map(({ endpoint }) => Number(/^0\.0\.0\.0:(\d+)$/.exec(endpoint)?.[1]));
    expect([...publishedBy(composed('otel-collector')).keys()]).toEqual(ports);
    expect(reached((config.exporters['otlp'] as { endpoint: string }).endpoint)).toBe('jaeger');
  });

  it('has in its pipelines what it is configured with, and all of it', () => {
    for (const kind of ['receivers', 'processors', 'exporters'] as const) {
      const used = new Set(Object.values(config.service.pipelines).flatMap((pipeline) => pipeline[kind]));
      expect([...used].toSorted()).toEqual(Object.keys(config[kind]).toSorted());
    }
  });

  it('reads it where its image looks for it', () => {
    expect(mountedAt('otel-collector', path)).toBe('/etc/otelcol-contrib/config.yaml');
  });
});
