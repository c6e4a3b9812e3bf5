import { Injectable } from '@nestjs/common';

/** What a dependency says of itself. */
export interface DependencyState {
  up: boolean;
  /** Why it is down, or what kind it is ("in memory"). */
  detail?: string;
}

/** Something a service needs: a database, a cache, a bus. */
export interface Dependency {
  /** As readiness shows it: `database`. */
  name: string;
  /** Without it the service can do nothing (`down`), or less (`degraded`). */
  critical: boolean;
  /** Rejecting means down. Called at each probe, bounded by the caller. */
  check(): Promise<DependencyState>;
}

/** Where infrastructure libs register what they depend on, and where health reads it. */
@Injectable()
export class DependencyRegistry {
  private readonly dependencies: Dependency[] = [];

  register(dependency: Dependency): void {
    this.dependencies.push(dependency);
  }

  all(): readonly Dependency[] {
    return this.dependencies;
  }
}
