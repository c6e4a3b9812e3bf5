import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createClient } from '@keyv/redis';
import { AsideCache, CacheConfig } from '@rookery/cache';
import { Environment, loadConfig } from '@rookery/config';
import { freePort } from '@rookery/embedded';
import { Metrics } from '@rookery/observability';
import pino from 'pino';
import { expect, inject } from 'vitest';
import { openStore } from '../../../libs/cache/src/open-store.js';

/** A replica of a service as far as its cache goes: a connection and metrics of its own. */
export class Replica {
  private constructor(
    readonly cache: AsideCache,
    readonly store: ReturnType<typeof openStore>['store'],
    private readonly metrics: Metrics,
    readonly service: string,
    /** The messages of its log, without those for debugging. */
    readonly log: readonly string[],
  ) {}

  /** @param variables REDIS_URL is Redis' when it is not among them */
  static async open(service: string, variables: Record<string, string | undefined> = {}, up = true): Promise<Replica> {
    const environment = { REDIS_URL: inject('redisUrl'), CACHE_TIMEOUT: '2s', ...variables };
    const [config] = loadConfig([CacheConfig], new Environment(environment));
    const log: string[] = [];
    const write = (line: string) => void log.push((JSON.parse(line) as { msg: string }).msg);
    const logger = pino({ level: 'info' }, { write });
    const { store } = openStore(config, service, logger);
    const metrics = new Metrics();
    const cache = new AsideCache(store, config, service, metrics, logger);
    const replica = new Replica(cache, store, metrics, service, log);
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

  /** Whether the breaker lets it ask Redis. */
  async asks(): Promise<boolean> {
    return (await this.metric('circuit_breaker_state'))['cache closed'] === 1;
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

/** A Redis of the test's own, which it may stop and freeze. */
export class OwnRedis {
  private process: ChildProcess | undefined;

  private constructor(private readonly port: number) {}

  /** It is not started yet. */
  static async reserve(): Promise<OwnRedis> {
    return new OwnRedis(await freePort());
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  start(): void {
    const options = ['--port', String(this.port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
    this.process = spawn('redis-server', options, { stdio: 'ignore' });
  }

  freeze(): void {
    this.process!.kill('SIGSTOP');
  }

  thaw(): void {
    this.process!.kill('SIGCONT');
  }

  async stop(): Promise<void> {
    const { process } = this;
    this.process = undefined;
    if (!process) return;
    const exited = once(process, 'exit');
    process.kill('SIGKILL');
    await exited;
  }
}

/** What an operator asks of Redis, on a connection of its own. */
export async function admin(url = inject('redisUrl')) {
  const client = createClient({ url });
  await client.connect();
  return {
    send: (...command: string[]) => client.sendCommand(command),
    keys: (pattern: string) => client.keys(pattern),
    close: () => client.destroy(),
  };
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
