import { Injectable } from '@nestjs/common';
import { callContext } from '@rookery/context';
import type { EntityManager } from 'typeorm';
import { ControlConnection } from './control-connection.js';

/**
 * Tells every replica of a service that something in its database changed, at the moment the change is committed
 * (PostgreSQL's LISTEN/NOTIFY). It carries which thing changed, never its value: who is told reads the row.
 */
@Injectable()
export class ChangeFeed {
  constructor(private readonly control: ControlConnection) {}

  /** Has everyone who watches `key` on `channel` told when `tx` commits. */
  async announce(tx: EntityManager, channel: string, key: string): Promise<void> {
    await tx.query('SELECT pg_notify($1, $2)', [channel, key]);
  }

  /**
   * Yields at once, and then whenever `key` may have changed; several changes may come as one. After a lost connection
   * it yields once more. Ends when the call is cancelled, or `signal` aborts.
   */
  async *watch(channel: string, key: string, signal = callContext()?.signal): AsyncGenerator<void> {
    let changed = true;
    let wake = () => {};
    const stop = await this.control.listen(channel, (payload) => {
      if (payload !== undefined && payload !== key) return;
      changed = true;
      wake();
    });
    const onAbort = () => wake();
    signal?.addEventListener('abort', onAbort);
    try {
      while (!signal?.aborted) {
        if (changed) {
          changed = false;
          yield;
        } else {
          await new Promise<void>((resolve) => (wake = resolve));
        }
      }
    } finally {
      stop();
      signal?.removeEventListener('abort', onAbort);
    }
  }
}
