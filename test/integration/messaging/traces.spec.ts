import { Controller } from '@nestjs/common';
import { traced } from '@rookery/context';
import { OrderCreated } from '@rookery/contracts/order/v1';
import { Every, OnEvent, type ReceivedEvent } from '@rookery/messaging';
import { DataSource, type EntityManager } from 'typeorm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TraceCollector } from '../../trace-collector.js';
import { NatsScenario } from './nats-scenario.fixture.js';
import { orderCreated } from './services.fixture.js';

describe('traces of what no caller waits for', () => {
  let scenario: NatsScenario;
  let collector: TraceCollector;
  let env: Record<string, string>;

  beforeEach(async () => {
    collector = await TraceCollector.start();
    env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url };
    scenario = await NatsScenario.start();
  });
  afterEach(async () => {
    await scenario.close();
    await collector.stop();
  });

  it('show each attempt at an event, with what it failed of', async () => {
    let tries = 0;
    @Controller()
    class Mail {
      @OnEvent(OrderCreated)
      async created({ payload }: ReceivedEvent<OrderCreated>, tx: EntityManager): Promise<void> {
        tries += 1;
        if (tries === 1) throw new RangeError('a hiccup');
        await traced('write', () => tx.query('INSERT INTO effects (what) VALUES ($1)', [payload.id]));
      }
    }
    const shop = await scenario.service({ name: 'shop-service' });
    await scenario.service({ name: 'mail-service', controllers: [Mail], env });
    await orderCreated(shop, 'o-1');
    const attempts = () => collector.named('process order.v1.OrderCreated');
    await expect.poll(() => attempts().length).toBe(2);
    expect(attempts()).toMatchObject([
      {
        kind: 'consumer',
        failed: true,
        message: 'a hiccup',
        attributes: { 'error.type': 'RangeError', 'rookery.event.attempt': 1, 'rookery.event.outcome': 'retry' },
      },
      { failed: false, attributes: { 'rookery.event.attempt': 2, 'rookery.event.outcome': 'handled' } },
    ]);
    expect(collector.tree(attempts()[1]!)).toEqual([
      'mail-service: process order.v1.OrderCreated (consumer)',
      '  mail-service: COMMIT (client)',
      '  mail-service: INSERT inbox (client)',
      '  mail-service: write (internal)',
      '    mail-service: INSERT effects (client)',
    ]);
  });

  it('show a job, each run as a trace of its own', async () => {
    @Controller()
    class Jobs {
      private runs = 0;

      constructor(private readonly database: DataSource) {}

      @Every('1s', { name: 'count' })
      async count(): Promise<void> {
        this.runs += 1;
        await this.database.query('SELECT count(*) FROM effects');
        if (this.runs === 1) throw new Error('the first one');
      }
    }
    await scenario.service({ name: 'shop-service', controllers: [Jobs], env });
    const runs = () => collector.named('job count');
    await expect.poll(() => runs().length, { timeout: 20_000 }).toBeGreaterThan(1);
    expect(
      runs()
        .slice(0, 2)
        .map(({ parentId, failed }) => ({ parentId, failed })),
    ).toEqual([
      { parentId: '', failed: true },
      { parentId: '', failed: false },
    ]);
    expect(collector.tree(runs()[0]!)).toEqual([
      'shop-service: job count (internal)',
      '  shop-service: SELECT effects (client)',
    ]);
  });
});
