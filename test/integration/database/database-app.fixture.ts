import { Global, Module } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { Environment, loadConfig } from '@rookery/config';
import { type CallContext, runWithContext } from '@rookery/context';
import {
  ChangeFeed,
  ControlConnection,
  DatabaseConfig,
  DatabaseModule,
  type DatabaseOptions,
  Transactions,
} from '@rookery/database';
import { Cancelled, DeadlineExceeded } from '@rookery/errors';
import { DependencyRegistry, Metrics, ObservabilityModule } from '@rookery/observability';
import type { Pool } from 'pg';
import pino from 'pino';
import { DataSource } from 'typeorm';

/** A Nest application that has a database and nothing else. */
export async function openDatabaseApp(
  url: string,
  variables: Record<string, string> = {},
  tables: DatabaseOptions = { entities: [], migrations: [] },
) {
  const [config] = loadConfig([DatabaseConfig], new Environment({ DATABASE_URL: url, ...variables }));
  @Global()
  @Module({ providers: [{ provide: DatabaseConfig, useValue: config }], exports: [DatabaseConfig] })
  class Configured {}
  const logged: string[] = [];
  const logger = pino(
    { level: 'warn' },
    { write: (line) => void logged.push((JSON.parse(line) as { msg: string }).msg) },
  );
  const module: TestingModule = await Test.createTestingModule({
    imports: [Configured, ObservabilityModule.register(logger), DatabaseModule.register('test', tables)],
  }).compile();
  await module.init();
  const dataSource = module.get(DataSource);
  const { master: pool } = dataSource.driver as unknown as { master: Pool };
  let closed = 0;
  pool.on('remove', () => (closed += 1));
  return {
    dataSource,
    transactions: module.get(Transactions),
    control: module.get(ControlConnection),
    changes: module.get(ChangeFeed),
    /** The warnings and errors in the log. */
    logged,
    /** What the pool's connections are doing. */
    pool: () => ({ open: pool.totalCount, busy: pool.totalCount - pool.idleCount, waiting: pool.waitingCount }),
    /** How many connections of the pool have been closed. */
    closed: () => closed,
    /** What the dependency says of itself, as readiness would ask. */
    dependency: (name: string) =>
      module
        .get(DependencyRegistry)
        .all()
        .find((one) => one.name === name)!
        .check(),
    /** The value of a metric (of a histogram: its count) with these labels; 0 before the first. */
    metric: async (name: string, labels: Record<string, string>) => {
      const { values } = await module
        .get(Metrics)
        .registry.getSingleMetric(name.replace(/_count$/, ''))!
        .get();
      const all = values as { value: number; labels: Record<string, string | number>; metricName?: string }[];
      const fits = all.filter(({ metricName = name }) => metricName === name);
      const entries = Object.entries(labels);
      return fits.find((one) => entries.every(([key, value]) => one.labels[key] === value))?.value ?? 0;
    },
    close: () => module.close(),
  };
}

/** A call that the test ends: at its deadline, when it has one, or when the test says that the caller cancels. */
export function callOf({ timeout }: { timeout?: number } = {}) {
  const controller = new AbortController();
  const late = new DeadlineExceeded('the deadline has passed');
  const left = new Cancelled('the caller cancelled');
  const deadline = timeout === undefined ? undefined : Date.now() + timeout;
  const timer = timeout === undefined ? undefined : setTimeout(() => controller.abort(late), timeout);
  const context: CallContext = { requestId: 'r-1', deadline, signal: controller.signal };
  return {
    late,
    left,
    signal: controller.signal,
    cancel: () => controller.abort(left),
    run: <T>(work: () => Promise<T>) => runWithContext(context, work).finally(() => clearTimeout(timer)),
  };
}

/** Settles like `work`, with the milliseconds that it took. */
export async function timed(work: Promise<unknown>): Promise<{ ms: number; error: unknown }> {
  const started = performance.now();
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return { ms: performance.now() - started, error };
}
