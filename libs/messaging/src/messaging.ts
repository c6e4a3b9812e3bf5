import { type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import type { EventBus } from './event-bus.js';
import type { EventConsumers } from './event-consumers.js';
import type { OutboxRelay } from './outbox.relay.js';

/**
 * The life of messaging in a service. Consumers subscribe while the application is initialised; the relay begins when
 * the service says so, which in a process with several services is when all of them have subscribed.
 */
export class Messaging implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private stopped: Promise<void> | undefined;

  constructor(
    private readonly consumers: EventConsumers,
    private readonly relay: OutboxRelay,
    private readonly bus: EventBus,
  ) {}

  onApplicationBootstrap(): void {
    this.consumers.start();
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
      await this.consumers.stop();
      await this.relay.stop();
      await this.bus.close();
    })();
    return this.stopped;
  }

  /** For an application that is closed without more ado: before the database module closes the pool. */
  async beforeApplicationShutdown(): Promise<void> {
    await this.stop();
  }
}
