import { Injectable, Module } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import { Empty } from '@rookery/contracts/google/protobuf';
import { GetUserRequest } from '@rookery/contracts/user/v1';
import { Transactions } from '@rookery/database';
import { Cancelled, DeadlineExceeded } from '@rookery/errors';
import { GrpcController } from '@rookery/grpc';
import { ServiceModule } from '@rookery/service';
import { type TestService, startTestService } from '@rookery/testing';
import { IsNotEmpty } from 'class-validator';
import pg from 'pg';
import { DataSource, type MigrationInterface, type QueryRunner } from 'typeorm';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { timed } from './database-app.fixture.js';

const unary = (name: string) =>
  ({
    name,
    requestType: GetUserRequest,
    requestStream: false,
    responseType: Empty,
    responseStream: false,
    options: {},
  }) as const;

const SlowDefinition = {
  name: 'SlowService',
  fullName: 'slow.v1.SlowService',
  methods: { read: unary('Read'), write: unary('Write') },
} as const;

class RequestDto implements GetUserRequest {
  @IsNotEmpty()
  id!: string;
}

class CreateNotes1700000000900 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE TABLE notes (id text)');
  }
  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE notes');
  }
}

@Injectable()
class Slow {
  constructor(
    private readonly dataSource: DataSource,
    private readonly transactions: Transactions,
  ) {}

  async read(): Promise<void> {
    await this.dataSource.query('SELECT pg_sleep(5)');
  }

  async write(id: string): Promise<void> {
    await this.transactions.run(async (tx) => {
      await tx.query('INSERT INTO notes VALUES ($1)', [id]);
      await tx.query('SELECT pg_sleep(5)');
    });
  }
}

@GrpcController(SlowDefinition)
class SlowController {
  constructor(private readonly slow: Slow) {}

  async read(@Payload() _request: RequestDto): Promise<Empty> {
    await this.slow.read();
    return {};
  }

  async write(@Payload() { id }: RequestDto): Promise<Empty> {
    await this.slow.write(id);
    return {};
  }
}

@Module({
  imports: [
    ServiceModule.register({
      name: 'slow-service',
      package: 'slow.v1',
      ports: { grpc: 0, http: 0 },
      database: { entities: [], migrations: [CreateNotes1700000000900] },
    }),
  ],
  controllers: [SlowController],
  providers: [Slow],
})
class SlowServiceModule {}

describe('a handler whose query takes 5 s', () => {
  let service: TestService;
  let observer: pg.Client;

  beforeAll(async () => {
    service = await startTestService(SlowServiceModule, { databaseServerUrl: inject('databaseUrl') });
    observer = new pg.Client({ connectionString: service.databaseUrl });
    await observer.connect();
  });
  afterAll(async () => {
    await observer.end();
    await service.close();
  });

  const running = async () => {
    const { rows } = await observer.query<{ query: string }>(
      `SELECT query FROM pg_stat_activity
       WHERE datname = current_database() AND application_name = 'slow-service' AND state <> 'idle'`,
    );
    return rows.map(({ query }) => query);
  };
  const asleep = async () => {
    await expect.poll(running, { timeout: 2_000, interval: 10 }).toEqual(['SELECT pg_sleep(5)']);
  };
  const gone = async () => {
    await expect.poll(running, { timeout: 300, interval: 10 }).toEqual([]);
  };
  const notes = async () => (await observer.query('SELECT id FROM notes')).rows;

  it.each(['read', 'write'] as const)('ends at the deadline of its client (%s)', async (method) => {
    const client = service.client(SlowDefinition);
    // The connection is there, so that the time measured is the call's alone.
    await expect(client[method]({ id: '' })).rejects.toThrow('id');
    const calling = timed(client[method]({ id: 'x' }, { timeout: 200 }));
    await asleep();
    const { ms, error } = await calling;
    expect(error).toBeInstanceOf(DeadlineExceeded);
    expect(ms).toBeGreaterThan(190);
    expect(ms).toBeLessThan(300);
    await gone();
    expect(await notes()).toEqual([]);
  });

  it.each(['read', 'write'] as const)('ends when its client cancels (%s)', async (method) => {
    const controller = new AbortController();
    const calling = timed(service.client(SlowDefinition)[method]({ id: 'x' }, { signal: controller.signal }));
    await asleep();
    controller.abort();
    expect((await calling).error).toBeInstanceOf(Cancelled);
    await gone();
    expect(await notes()).toEqual([]);
  });
});
