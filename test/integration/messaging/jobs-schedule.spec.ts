import { randomUUID } from 'node:crypto';
import { Controller } from '@nestjs/common';
import { Cron, Every } from '@rookery/messaging';
import { DataSource } from 'typeorm';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Clock } from '../../../libs/messaging/src/jobs/clock.js';
import { Scenario, soon } from './scenario.fixture.js';

const clock = new (class extends Clock {
  time = new Date('2031-12-31T23:00:00Z');
  override now = () => this.time;
})();
let scenario: Scenario;

beforeEach(() => {
  scenario = new Scenario();
});
afterEach(() => scenario.close());

it.each(['2020-01-01T00:00:00', '2090-01-01T00:00:00', '0 0 0 1 1 * 2090'])(
  'refuses %s, which comes once, where it is declared',
  (expression) => {
    expect(() => Cron(expression)).toThrow(`cron ${expression} (UTC) comes only once; add an event with \`at\``);
  },
);

it('a job whose last time has come runs then, and not again, whatever the others do', async () => {
  const runs: string[] = [];
  @Controller()
  class JobsController {
    @Cron('0 0 0 1 1 * 2031-2032', { name: 'over' })
    async over(): Promise<void> {
      runs.push('over');
    }
    @Every('1h', { name: 'hourly' })
    async hourly(): Promise<void> {
      runs.push('hourly');
    }
  }
  const unhandled: unknown[] = [];
  const note = (error: unknown) => unhandled.push(error);
  process.on('unhandledRejection', note);
  try {
    const natsUrl = `memory://${randomUUID()}`;
    const databaseUrl = await scenario.database();
    const start = () => scenario.service({ name: 'shop', databaseUrl, natsUrl, controllers: [JobsController], clock });
    const service = await start();
    const over = async (database: DataSource) => {
      const [row] = await database.query<{ next_run: Date | number; last_run: Date | null }[]>(
        `SELECT next_run, last_run FROM recurring_jobs WHERE name = 'over'`,
      );
      return row;
    };
    const database = service.get(DataSource);
    await soon(async () => expect(await over(database)).toMatchObject({ next_run: new Date('2032-01-01T00:00:00Z') }));
    clock.time = new Date('2032-01-01T00:00:01Z');
    await soon(async () =>
      expect(await over(database)).toEqual({ next_run: Number.POSITIVE_INFINITY, last_run: clock.time }),
    );
    clock.time = new Date('2032-01-01T05:00:00Z');
    await soon(() => expect(runs.filter((run) => run === 'hourly')).toHaveLength(2));
    // A service that starts after its end does so all the same.
    await service.close();
    clock.time = new Date('2040-01-01T00:00:00Z');
    await start();
    await soon(() => expect(runs.filter((run) => run === 'hourly')).toHaveLength(3));
    expect(runs.filter((run) => run === 'over')).toHaveLength(1);
    expect(unhandled).toEqual([]);
  } finally {
    process.off('unhandledRejection', note);
  }
});
