import { randomUUID } from 'node:crypto';
import { AsideCache, CacheConfig } from '@rookery/cache';
import { Environment, loadConfig } from '@rookery/config';
import { type LogConfig, Metrics, createLogger } from '@rookery/observability';
import { expect, inject } from 'vitest';
import { openStore } from '../../../libs/cache/src/open-store.js';

const logger = createLogger({ level: 'silent', format: 'json' } as LogConfig, 'test');

/** A replica of a service as far as its cache goes: a connection and metrics of its own. */
export class Replica {
  private constructor(
    readonly cache: AsideCache,
    readonly store: ReturnType<typeof openStore>['store'],
    private readonly metrics: Metrics,
    readonly service: string,
  ) {}

  /** @param variables REDIS_URL is Redis' when it is not among them */
  static async open(service: string, variables: Record<string, string | undefined> = {}, up = true): Promise<Replica> {
    const environment = { REDIS_URL: inject('redisUrl'), CACHE_TIMEOUT: '2s', ...variables };
    const [config] = loadConfig([CacheConfig], new Environment(environment));
    const { store } = openStore(config, service, logger);
    const metrics = new Metrics();
    const replica = new Replica(new AsideCache(store, config, service, metrics, logger), store, metrics, service);
    if (up) await replica.isUp();
    return replica;
  }

  async isUp(): Promise<void> {
    const check = () =>
      this.cache.dependency.check().then(
        ({ up }) => up,
        () => false,
      );
    await expect.poll(check).toBe(true);
  }

  /** The values of a metric by the values of its labels. */
  async metric(name: string): Promise<Record<string, number>> {
    const found = await this.metrics.registry.getSingleMetric(name)!.get();
    const counts = (found.values as { metricName?: string; labels: object; value: number }[]).filter(
      ({ metricName }) => metricName === undefined || !metricName.includes('_bucket'),
    );
    return Object.fromEntries(
      counts.map(({ metricName, labels, value }) => [
        [...(metricName ? [metricName.replace(name, '')] : []), ...Object.values(labels)].join(' ').trim(),
        value,
      ]),
    );
  }
}

export const newService = () => `test-${randomUUID()}`;
export const bytes = (text: string) => Buffer.from(text);

/** A load that the test ends. */
export function heldLoad() {
  let finish = (_value: string) => {};
  let begin = () => {};
  const begun = new Promise<void>((resolve) => (begin = resolve));
  const value = new Promise<string>((resolve) => (finish = resolve));
  let count = 0;
  const load = async () => {
    count += 1;
    begin();
    return bytes(await value);
  };
  return { load, begun, finish: (text: string) => finish(text), loads: () => count };
}
