import { randomUUID } from 'node:crypto';
import { Controller, type Type } from '@nestjs/common';
import { Ctx, EventPattern, MessagePattern, type NatsContext, Payload } from '@nestjs/microservices';
import { afterEach, beforeEach, inject } from 'vitest';
import { App, type AppOptions } from './core-app.fixture.js';

/** What carries messages, each with the URL for a test: applications cannot tell which one it is. */
export const TRANSPORTS: [name: string, url: () => string][] = [
  ['core NATS', () => inject('natsUrl')],
  ['in process', () => `memory://${randomUUID()}`],
];

/** Lets each test of a suite start applications that talk to each other; they are closed after it. */
export function messageApps(url: () => string) {
  let natsUrl: string;
  let apps: App[];
  let prefix: string;

  beforeEach(() => {
    natsUrl = url();
    apps = [];
    prefix = `t${randomUUID().replaceAll('-', '')}`;
  });
  afterEach(() => Promise.all(apps.map((app) => app.close())));

  /** A subject that no other test has. */
  const own = (subject: string) => `${prefix}.${subject}`;

  async function start(options: Partial<AppOptions> = {}): Promise<App> {
    const app = await App.start({ natsUrl, ...options });
    apps.push(app);
    return app;
  }

  /** A controller with one method for requests on `subject`. */
  function answering(subject: string, answer: (payload: never, context: NatsContext) => unknown, options = {}): Type {
    @Controller()
    class Answering {
      @MessagePattern(own(subject), options)
      handle(@Payload() payload: never, @Ctx() context: NatsContext): unknown {
        return answer(payload, context);
      }
    }
    return Answering;
  }

  /** A controller with one method for messages on `subject`. */
  function hearing(subject: string, hear: (payload: never) => unknown, options = {}): Type {
    @Controller()
    class Hearing {
      @EventPattern(own(subject), options)
      handle(@Payload() payload: object): unknown {
        return hear(payload as never);
      }
    }
    return Hearing;
  }

  return { own, start, answering, hearing };
}
