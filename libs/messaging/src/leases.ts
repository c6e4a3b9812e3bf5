/** What one of all replicas holds. */
export interface Held {
  /** Aborts when it may no longer be so: somebody else can have it from now on. */
  readonly lost: AbortSignal;
  release(): Promise<void>;
}

/** Decides which replica of a service does what only one may do at a time. */
export interface Leases {
  /** Resolves when this replica has the lease of that name. @throws when `signal` aborts before */
  hold(name: string, signal: AbortSignal): Promise<Held>;
}
