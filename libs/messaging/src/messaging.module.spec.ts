import { Global, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { Environment, loadConfig } from '@rookery/config';
import { ObservabilityModule } from '@rookery/observability';
import pino from 'pino';
import { expect, it } from 'vitest';
import { MessagingConfig } from './messaging.config.js';
import { MessagingModule } from './messaging.module.js';

const [config] = loadConfig([MessagingConfig], new Environment({}));

@Global()
@Module({ providers: [{ provide: MessagingConfig, useValue: config }], exports: [MessagingConfig] })
class Configured {}

it('says what is missing when a service has no database', async () => {
  const builder = Test.createTestingModule({
    imports: [
      Configured,
      ObservabilityModule.register(pino({ level: 'silent' })),
      MessagingModule.register('mail-service'),
    ],
  });
  await expect(builder.compile()).rejects.toThrow('messaging of mail-service needs a database');
});

it('refuses to start without a bus in production', () => {
  const production = new Environment({ NODE_ENV: 'production' });
  expect(() => loadConfig([MessagingConfig], production)).toThrow('NATS_URL: is not set');
});
