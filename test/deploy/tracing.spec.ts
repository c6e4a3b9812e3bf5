import { readFileSync } from 'node:fs';
import { Environment, loadConfig } from '@rookery/config';
import { TraceConfig } from '@rookery/observability';
import { describe, expect, it } from 'vitest';
import { applications, gateway, services } from './applications.js';
import { COMPOSE_FILE, composed, environmentOf, publishedBy } from './compose.js';
import { edgesOf } from './network-edges.js';
import { components, overlays } from './overlays.js';
import { variablesOf } from './variables.js';

const COLLECTOR = 'observability/app.kubernetes.io/component=opentelemetry-collector';

describe('with tracing', () => {
  const { cluster, resources } = components.find(({ name }) => name === 'tracing')!;

  it.each(applications)('$name starts with a collector, and knows each variable', (application) => {
    const variables = cluster.environmentOf(cluster.workload(application.name));
    expect(Object.keys(variables).filter((name) => !variablesOf(application).includes(name))).toEqual([]);
    const [{ endpoint, share }] = loadConfig([TraceConfig], new Environment(variables));
    expect(endpoint).toMatch(/^http:\/\/[\w-]+\.observability:\d+$/);
    expect(share).toBeGreaterThan(0);
    expect(loadConfig(application.config, new Environment(variables))).toHaveLength(application.config.length);
  });

  it('every app may call the collector where it sends its traces, and nothing else is opened', () => {
    const [{ endpoint }] = loadConfig(
      [TraceConfig],
      new Environment(cluster.environmentOf(cluster.workload('gateway'))),
    );
    const edges = applications.map(({ name }) => `${name} → ${COLLECTOR}:${new URL(endpoint!).port}/TCP`);
    expect(edgesOf(cluster, resources)).toEqual({ egress: edges.toSorted(), ingress: [] });
  });
});

it.each(overlays)('$name alone records no traces', ({ cluster }) => {
  for (const { name } of applications) {
    const variables = cluster.environmentOf(cluster.workload(name));
    expect(loadConfig([TraceConfig], new Environment(variables))[0].endpoint).toBeUndefined();
  }
});

it.each([...services, gateway])(
  '$name in docker-compose.yml records none until it is told of a collector',
  ({ name }) => {
    expect(composed(name).environment).toHaveProperty('OTEL_EXPORTER_OTLP_ENDPOINT');
    expect(loadConfig([TraceConfig], new Environment(environmentOf(name)))[0].endpoint).toBeUndefined();
  },
);

it('the collector that its comments and observability/README.md name is there, and takes OTLP', () => {
  for (const file of [COMPOSE_FILE, 'observability/README.md']) {
    const [, host, port] = /http:\/\/([\w-]+):(4318)\b/.exec(readFileSync(file, 'utf8')) ?? [];
    expect(publishedBy(composed(host!)).get(Number(port)), file).toBe(4318);
  }
});
