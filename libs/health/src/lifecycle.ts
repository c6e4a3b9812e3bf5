import { Injectable } from '@nestjs/common';

const ORDER = ['starting', 'ready', 'draining', 'stopped'] as const;
export type LifecycleState = (typeof ORDER)[number];

/** Where the service is in its life. It only goes forward: starting → ready → draining → stopped. */
@Injectable()
export class Lifecycle {
  private current: LifecycleState = 'starting';
  private readonly listeners = new Set<(state: LifecycleState) => void>();

  get state(): LifecycleState {
    return this.current;
  }

  /** Goes on to `state`. A state that is behind the current one is ignored: a service that drains never gets ready. */
  advance(state: LifecycleState): void {
    if (ORDER.indexOf(state) <= ORDER.indexOf(this.current)) return;
    this.current = state;
    for (const listener of this.listeners) listener(state);
  }

  onChange(listener: (state: LifecycleState) => void): void {
    this.listeners.add(listener);
  }
}
