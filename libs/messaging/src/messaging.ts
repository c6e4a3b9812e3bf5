import { type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import type { DependencyState } from '@rookery/observability';
import type { MessageServer } from './core/message.server.js';
import type { EventBus } from './event-bus.js';
import type { EventConsumers } from './event-consumers.js';
import type { RecurringJobs } from './jobs/recurring-jobs.js';
import type { OutboxRelay } from './outbox.relay.js';

/**
 * The life of messaging in a service. Consumers subscribe while the application is initialised; the relay begins when
 * the service says so, which in a process with several services is when all of them have subscribed.
 */
export class Messaging implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private stopped: Promise<void> | undefined;

  constructor(
    private readonly consumers: EventConsumers,
    private readonly jobs: RecurringJobs,
    private readonly relay: OutboxRelay,
    private readonly bus: EventBus,
    private readonly messages: MessageServer,
  ) {}

  onApplicationBootstrap(): void {
    this.jobs.declare();
    this.consumers.start();
  }

  /** What readiness says of the outbox. */
  outboxState(): DependencyState {
    return this.relay.state();
  }

  /** Begins to publish what is in the outbox. */
  startRelay(): void {
    this.relay.start();
  }

  /**
   * Drains: no new events and the running handlers finish, the relay finishes what it is publishing, the bus
   * disconnects. Needs the database until it resolves. A second call waits for the first.
   */
  stop(): Promise<void> {
    this.stopped ??= (async () => {
      try {
        // Handlers of messages may still add events, and their answers need the connection.
        await Promise.all([this.consumers.stop(), this.messages.close()]);
      } finally {
        await this.relay.stop().finally(() => this.bus.close());
      }
    })();
    return this.stopped;
  }

  /** For an application that is closed without more ado: before the database module closes the pool. */
  async beforeApplicationShutdown(): Promise<void> {
    await this.stop();
  }
}
