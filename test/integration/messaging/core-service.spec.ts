import { randomUUID } from 'node:crypto';
import { Controller, Module } from '@nestjs/common';
import { EventPattern, MessagePattern, Payload } from '@nestjs/microservices';
import { NotificationServiceDefinition } from '@rookery/contracts/notification/v1';
import { NotFound } from '@rookery/errors';
import { GrpcController } from '@rookery/grpc';
import { MessageClient } from '@rookery/messaging';
import { ServiceModule } from '@rookery/service';
import { type TestService, startTestService } from '@rookery/testing';
import { IsString } from 'class-validator';
import { DataSource } from 'typeorm';
import { afterEach, expect, inject, it } from 'vitest';
import { soon } from './scenario.fixture.js';

const sold: string[] = [];
let hold: Promise<void> | undefined;
let begun = false;

class CheckStockDto {
  @IsString()
  sku!: string;
}

@Controller()
class StockController {
  constructor(private readonly database: DataSource) {}

  @MessagePattern('stock.check')
  async check(@Payload() { sku }: CheckStockDto): Promise<{ sku: string; left: number }> {
    if (sku !== 'book') throw new NotFound(`there is no ${sku}`, { metadata: { sku } });
    begun = true;
    await hold;
    const [row] = await this.database.query<{ left: number }[]>('SELECT 3 AS left');
    return { sku, left: row!.left };
  }

  @EventPattern('stock.sold')
  sold(@Payload() { sku }: CheckStockDto): void {
    sold.push(sku);
  }
}

@GrpcController(NotificationServiceDefinition)
class NotificationController {
  listNotifications(): void {}
  streamNotifications(): void {}
}

@Module({
  imports: [
    ServiceModule.register({
      name: 'stock-service',
      package: 'notification.v1',
      ports: { grpc: 50059, http: 8089 },
      database: { entities: [], migrations: [] },
      messaging: true,
    }),
  ],
  controllers: [NotificationController, StockController],
})
class StockServiceModule {}

let services: TestService[] = [];

afterEach(async () => {
  await Promise.all(services.map((service) => service.close()));
  services = [];
});

async function start(natsUrl: string): Promise<TestService> {
  const environment = { NATS_URL: natsUrl };
  const databaseServerUrl = inject('databaseUrl');
  const service = await startTestService(StockServiceModule, { databaseServerUrl, environment });
  services.push(service);
  return service;
}

it.each([
  ['core NATS', () => inject('natsUrl')],
  ['in process', () => `memory://${randomUUID()}`],
])('a service that declares messaging serves messages over %s, and finishes them when it stops', async (_, url) => {
  const natsUrl = url();
  const service = await start(natsUrl);
  const messages = (await start(natsUrl)).app.get(MessageClient);
  const book = { sku: 'book', left: 3 };
  await soon(async () => expect(await messages.request('stock.check', { sku: 'book' })).toEqual(book));
  await expect(messages.request('stock.check', { sku: 'pen' })).rejects.toMatchObject({
    constructor: NotFound,
    domain: 'stock-service',
    metadata: { sku: 'pen' },
  });
  await expect(messages.request('stock.check', { sku: 7 })).rejects.toMatchObject({ violations: [{ field: 'sku' }] });
  sold.length = 0;
  await messages.publish('stock.sold', { sku: 'book' });
  await soon(() => expect(sold).toEqual(['book']));

  // The one that stops has requests in its hands, and its database until they are answered.
  begun = false;
  let release = () => {};
  hold = new Promise((resolve) => (release = resolve));
  const running = Array.from({ length: 10 }, () => messages.request('stock.check', { sku: 'book' }));
  await soon(() => expect(begun).toBe(true));
  const closed = service.close();
  release();
  hold = undefined;
  await closed;
  expect(await Promise.all(running)).toEqual(Array.from({ length: 10 }, () => book));
});
