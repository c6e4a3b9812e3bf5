import { randomUUID } from 'node:crypto';
import { Global, Module, type Type } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { Environment, loadConfig } from '@rookery/config';
import { DatabaseConfig, DatabaseModule } from '@rookery/database';
import {
  Messaging,
  MessagingConfig,
  MessagingModule,
  messagingEntities,
  messagingMigrations,
} from '@rookery/messaging';
import { ObservabilityModule, TraceConfig } from '@rookery/observability';
import pg from 'pg';
import pino from 'pino';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { inject, vi } from 'vitest';
import { Clock } from '../../../libs/messaging/src/jobs/clock.js';

/** Quick enough for a test; everything else as in production. */
const QUICK = {
  EVENTS_BACKOFF_FIRST: '20ms',
  EVENTS_BACKOFF_LONGEST: '100ms',
  OUTBOX_POLL_INTERVAL: '50ms',
  EVENTS_ACK_WAIT: '2s',
};

const PATIENCE = { timeout: 20_000, interval: 20 };

/** Waits for what has to become true. */
export function soon<T>(check: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(check, PATIENCE);
}

/** What the services of these tests do with events: a table of effects. */
class CreateEffects1700000000900 implements MigrationInterface {
  readonly name = 'CreateEffects1700000000900';
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE TABLE effects (position bigserial, what text)');
  }
  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE effects');
  }
}

/** A service under test. */
export interface ServiceOptions {
  name: string;
  /** Of the database; several replicas share one. */
  databaseUrl: string;
  natsUrl: string;
  controllers?: Type[];
  env?: Record<string, string>;
  /** Whether its relay publishes. */
  relay?: boolean;
  /** Gets each line of its log. */
  onLog?: (line: Record<string, unknown>) => void;
  /** What its recurring jobs take for the time. */
  clock?: Clock;
}

function loggerFor(onLog: ServiceOptions['onLog']): pino.Logger {
  if (!onLog) return pino({ level: 'silent' });
  return pino({ level: 'info' }, { write: (line) => onLog(JSON.parse(line) as Record<string, unknown>) });
}

/** Databases and services of one test file; `close` ends and removes them all. */
export class Scenario {
  private readonly admin = new pg.Pool({ connectionString: inject('databaseUrl'), max: 2 });
  private readonly databases: string[] = [];
  private readonly services: { close(): Promise<void> }[] = [];

  /** A new database. @returns its URL */
  async database(): Promise<string> {
    const name = `messaging_${randomUUID().replaceAll('-', '')}`;
    await this.admin.query(`CREATE DATABASE ${name}`);
    this.databases.push(name);
    const url = new URL(inject('databaseUrl'));
    url.pathname = name;
    return url.href;
  }

  /** A statement of the administrator, in the database `postgres`. */
  async query<R extends pg.QueryResultRow>(text: string, values: unknown[] = []): Promise<R[]> {
    return (await this.admin.query<R>(text, values)).rows;
  }

  async service({
    name,
    databaseUrl,
    natsUrl,
    controllers = [],
    env = {},
    relay = true,
    clock = new Clock(),
    onLog,
  }: ServiceOptions) {
    const environment = new Environment({ DATABASE_URL: databaseUrl, NATS_URL: natsUrl, ...QUICK, ...env });
    const [database, messaging, trace] = loadConfig([DatabaseConfig, MessagingConfig, TraceConfig], environment);

    @Global()
    @Module({
      providers: [
        { provide: DatabaseConfig, useValue: database },
        { provide: MessagingConfig, useValue: messaging },
      ],
      exports: [DatabaseConfig, MessagingConfig],
    })
    class Configured {}

    const module = await Test.createTestingModule({
      imports: [
        Configured,
        ObservabilityModule.register(loggerFor(onLog), { service: name, config: trace }),
        DatabaseModule.register(name, {
          entities: messagingEntities,
          migrations: [...messagingMigrations, CreateEffects1700000000900],
        }),
        MessagingModule.register(name),
      ],
      controllers,
    })
      .overrideProvider(Clock)
      .useValue(clock)
      .compile();
    this.services.push(module);
    await module.init();
    if (relay) module.get(Messaging).startRelay();
    return module;
  }

  async close(): Promise<void> {
    await Promise.all(this.services.splice(0).map((service) => service.close()));
    for (const name of this.databases.splice(0)) await this.admin.query(`DROP DATABASE ${name} WITH (FORCE)`);
    await this.admin.end();
  }
}
