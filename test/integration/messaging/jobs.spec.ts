import { randomUUID } from 'node:crypto';
import { Controller, type Type } from '@nestjs/common';
import type { TestingModule } from '@nestjs/testing';
import { callContext, remainingTime } from '@rookery/context';
import { OrderCreated } from '@rookery/contracts/order/v1';
import { Transactions } from '@rookery/database';
import { type AddOptions, Cron, Every, Messaging, OnEvent, Outbox, type ReceivedEvent } from '@rookery/messaging';
import { Metrics } from '@rookery/observability';
import { DataSource } from 'typeorm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Clock } from '../../../libs/messaging/src/jobs/clock.js';
import { NatsScenario } from './nats-scenario.fixture.js';
import { Scenario, type ServiceOptions, soon } from './scenario.fixture.js';
import { waiting } from './services.fixture.js';

describe('a delayed event', () => {
  let scenario: NatsScenario;
  let shop: TestingModule;
  let seen: { id: string; at: number; time: Date }[];

  beforeEach(async () => {
    scenario = await NatsScenario.start();
    const databaseUrl = await scenario.database();
    seen = [];
    @Controller()
    class OrdersController {
      @OnEvent(OrderCreated)
      async orderCreated({ payload, time }: ReceivedEvent<OrderCreated>): Promise<void> {
        seen.push({ id: payload.id, at: Date.now(), time });
      }
    }
    const replica = () => scenario.service({ name: 'shop', databaseUrl, controllers: [OrdersController] });
    shop = await replica();
    await replica();
  });
  afterEach(() => scenario.close());

  const add = (id: string, options: AddOptions) =>
    shop.get(Transactions).run((tx) => shop.get(Outbox).add(tx, OrderCreated, { id }, { key: id, ...options }));
  const held = () => shop.get(DataSource).query<{ key: string }[]>('SELECT key FROM outbox_delayed ORDER BY due_at');

  it('comes when it is due, not before, and once, whoever shares the work', async () => {
    const added = Date.now();
    await add('later', { delay: '1s' });
    await add('at', { at: new Date(added + 500) });
    await add('now', {});
    await soon(() => expect(seen.map(({ id }) => id)).toEqual(['now', 'at', 'later']));
    expect(seen[1]!.at).toBeGreaterThanOrEqual(added + 500);
    expect(seen[2]!.at).toBeGreaterThanOrEqual(added + 1_000);
    expect(seen[2]!.time.getTime()).toBeGreaterThanOrEqual(added + 1_000);
    await soon(async () => expect(await waiting(shop)).toBe(0));
    await add('last', {});
    await soon(() => expect(seen.map(({ id }) => id)).toEqual(['now', 'at', 'later', 'last']));
    expect(await held()).toEqual([]);
  });

  it('is taken back by its key, unless that is rolled back', async () => {
    await add('kept', { delay: '1h' });
    await add('taken', { delay: '1h' });
    const cancel = (key: string) => shop.get(Transactions).run((tx) => shop.get(Outbox).cancel(tx, OrderCreated, key));
    expect(await cancel('taken')).toBe(true);
    expect(await cancel('taken')).toBe(false);
    const failed = shop.get(Transactions).run(async (tx) => {
      await shop.get(Outbox).cancel(tx, OrderCreated, 'kept');
      throw new Error('rolled back');
    });
    await expect(failed).rejects.toThrow('rolled back');
    expect(await held()).toEqual([{ key: 'kept' }]);
    // Its time has come.
    await shop.get(DataSource).query('UPDATE outbox_delayed SET due_at = now()');
    await soon(() => expect(seen.map(({ id }) => id)).toEqual(['kept']));
  });

  it('needs a delay that can be read', async () => {
    await expect(add('x', { delay: 'soon' })).rejects.toThrow('"soon" is no delay for order.v1.OrderCreated');
  });
});

describe('a recurring job', () => {
  const clock = new (class extends Clock {
    time = new Date('2026-03-01T00:00:00Z');
    override now = () => this.time;
  })();
  let scenario: Scenario;
  let databaseUrl: string;
  let runs: string[];

  beforeEach(async () => {
    scenario = new Scenario();
    databaseUrl = await scenario.database();
    clock.time = new Date('2026-03-01T00:00:00Z');
    runs = [];
  });
  afterEach(() => scenario.close());

  function replica(controller: Type, onLog?: ServiceOptions['onLog']): Promise<TestingModule> {
    const natsUrl = `memory://${randomUUID()}`;
    return scenario.service({ name: 'shop', databaseUrl, natsUrl, controllers: [controller], clock, onLog });
  }

  function nightly(work: () => Promise<void> = async () => undefined): Type {
    @Controller()
    class ReportsController {
      @Cron('0 3 * * *', { name: 'nightly', timeZone: 'UTC' })
      async nightly(): Promise<void> {
        runs.push(clock.time.toISOString());
        await work();
      }
    }
    return ReportsController;
  }

  const row = async (service: TestingModule) => {
    const [job] = await service
      .get(DataSource)
      .query<{ next_run: Date; last_run: Date | null; failures: number }[]>('SELECT * FROM recurring_jobs');
    return job!;
  };

  /** Waits until the relay has looked for due jobs, twice: the first look may have begun before. */
  async function looked(service: TestingModule): Promise<void> {
    await service.get(DataSource).query(`INSERT INTO outbox_delayed (due_at, id, type, headers, payload)
      VALUES (now(), gen_random_uuid(), 'looked', '{}', '')`);
    await soon(async () => {
      expect(
        await service.get(DataSource).query('SELECT 1 FROM outbox_delayed UNION ALL SELECT 1 FROM outbox'),
      ).toEqual([]);
    });
  }

  it('runs once when it is due, in one of two replicas', async () => {
    const [one] = await Promise.all([replica(nightly()), replica(nightly())]);
    await soon(async () => expect((await row(one)).next_run).toEqual(new Date('2026-03-01T03:00:00Z')));
    clock.time = new Date('2026-03-01T02:59:59Z');
    await looked(one);
    expect(runs).toEqual([]);
    clock.time = new Date('2026-03-01T03:00:01Z');
    await soon(async () => expect((await row(one)).next_run).toEqual(new Date('2026-03-02T03:00:00Z')));
    await looked(one);
    expect(runs).toEqual(['2026-03-01T03:00:01.000Z']);
    expect((await row(one)).last_run).toEqual(new Date('2026-03-01T03:00:01Z'));
    const metric = one.get(Metrics).registry.getSingleMetric('job_run_seconds');
    expect(metric).toBeDefined();
  });

  it('that was due several times while nobody was there runs once', async () => {
    const first = await replica(nightly());
    await soon(async () => expect(await row(first)).toBeDefined());
    await first.close();
    clock.time = new Date('2026-03-05T12:00:00Z');
    const second = await replica(nightly());
    await soon(async () => expect((await row(second)).next_run).toEqual(new Date('2026-03-06T03:00:00Z')));
    expect(runs).toHaveLength(1);
  });

  it('that was cut off by the end of its replica is run again by the next', async () => {
    const cutOff = () =>
      new Promise<void>((_, reject) =>
        callContext()!.signal.addEventListener('abort', () => reject(new Error('cut off'))),
      );
    const stuck = await replica(nightly(() => (runs.length === 1 ? cutOff() : Promise.resolve())));
    await soon(async () => expect(await row(stuck)).toBeDefined());
    clock.time = new Date('2026-03-01T03:00:00Z');
    await soon(() => expect(runs).toHaveLength(1));
    const [{ pid }] = (await scenario.query<{ pid: number }>(
      `SELECT pid FROM pg_stat_activity WHERE application_name = 'shop control' AND datname = $1`,
      [new URL(databaseUrl).pathname.slice(1)],
    )) as [{ pid: number }];
    await scenario.query('SELECT pg_terminate_backend($1)', [pid]);
    await soon(() => expect(runs).toHaveLength(2));
    expect((await row(stuck)).failures).toBe(0);
  });

  it('that runs when its replica stops comes to its end', async () => {
    let finish = () => {};
    const held = new Promise<void>((resolve) => (finish = resolve));
    const service = await replica(nightly(() => held));
    await soon(async () => expect(await row(service)).toBeDefined());
    clock.time = new Date('2026-03-01T03:00:00Z');
    await soon(() => expect(runs).toHaveLength(1));
    const stopped = service.get(Messaging).stop();
    finish();
    await stopped;
    expect(await row(service)).toMatchObject({ failures: 0, next_run: new Date('2026-03-02T03:00:00Z') });
  });

  it('that fails is run again after a while', async () => {
    let broken = true;
    const service = await replica(
      nightly(async () => {
        if (broken) throw new Error('the printer is on fire');
      }),
    );
    await soon(async () => expect(await row(service)).toBeDefined());
    clock.time = new Date('2026-03-01T03:00:00Z');
    await soon(async () =>
      expect(await row(service)).toMatchObject({ failures: 1, next_run: new Date('2026-03-01T03:00:01Z') }),
    );
    clock.time = new Date('2026-03-01T03:00:01Z');
    await soon(async () =>
      expect(await row(service)).toMatchObject({ failures: 2, next_run: new Date('2026-03-01T03:00:03Z') }),
    );
    broken = false;
    clock.time = new Date('2026-03-01T03:00:03Z');
    await soon(async () =>
      expect(await row(service)).toMatchObject({ failures: 0, next_run: new Date('2026-03-02T03:00:00Z') }),
    );
    expect(runs).toHaveLength(3);
  });

  it('that is run by hand runs once', async () => {
    const service = await replica(nightly());
    await soon(async () => expect(await row(service)).toBeDefined());
    // now() has microseconds.
    await service.get(DataSource).query(`UPDATE recurring_jobs SET next_run = '2026-02-28T12:00:00.123456Z'`);
    await soon(async () => expect(await row(service)).toMatchObject({ next_run: new Date('2026-03-01T03:00:00Z') }));
    await looked(service);
    expect(runs).toHaveLength(1);
  });

  it('that fails when it is run by hand waits before it is run again', async () => {
    const service = await replica(nightly(() => Promise.reject(new Error('the printer is on fire'))));
    await soon(async () => expect(await row(service)).toBeDefined());
    await service.get(DataSource).query(`UPDATE recurring_jobs SET next_run = '2026-02-28T12:00:00.123456Z'`);
    await soon(async () =>
      expect(await row(service)).toMatchObject({ failures: 1, next_run: new Date('2026-03-01T00:00:01Z') }),
    );
    expect(runs).toHaveLength(1);
  });

  it('that goes on after its time is not run beside itself', async () => {
    const lines: string[] = [];
    const finish: (() => void)[] = [];
    let running = 0;
    let most = 0;
    @Controller()
    class DeafController {
      @Every('15m', { name: 'deaf', timeout: '100ms' })
      async deaf(): Promise<void> {
        most = Math.max(most, ++running);
        await new Promise<void>((resolve) => finish.push(resolve));
        running--;
      }
    }
    const service = await replica(DeafController, ({ msg }) => lines.push(String(msg)));
    await soon(async () => expect(await row(service)).toBeDefined());
    clock.time = new Date('2026-03-01T00:15:00Z');
    await soon(async () => expect(await row(service)).toMatchObject({ failures: 1 }));
    clock.time = new Date('2026-03-01T00:15:02Z');
    await looked(service);
    await looked(service);
    expect(most).toBe(1);
    expect(lines.filter((line) => line.includes('has not ended'))).toHaveLength(1);
    finish[0]!();
    await soon(() => expect(finish).toHaveLength(2));
    expect(most).toBe(1);
    finish[1]!();
  });

  it('is in a call of its own, with a deadline', async () => {
    let left: number | undefined;
    @Controller()
    class SlowController {
      @Every('15m', { timeout: '300ms' })
      async sweep(): Promise<void> {
        left ??= remainingTime();
        await new Promise(() => undefined);
      }
    }
    const service = await replica(SlowController);
    await soon(async () => expect(await row(service)).toMatchObject({ name: 'SlowController.sweep' }));
    clock.time = new Date('2026-03-01T00:15:00Z');
    await soon(async () => expect(await row(service)).toMatchObject({ failures: 1 }));
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThanOrEqual(300);
  });
});
