/** Where a server came from: an URL in the environment, a program found here, Debian packages, a container, npm. */
export type Provider = 'environment' | 'path' | 'package' | 'docker' | 'npm';

/** One server that can be broken and mended on its own, as chaos tests do. */
export interface ServerHandle {
  readonly url: string;
  readonly provider: Provider;
  /** Of the server's process, where it is a process of this machine and runs. */
  readonly pid?: number;
  /** Starts it again, on the same port and data. Does nothing while it runs. */
  start(): Promise<void>;
  /** Ends it in order and waits until it is gone. Does nothing when it does not run. */
  stop(): Promise<void>;
  /** SIGKILL, and waits until it is gone. */
  kill(): Promise<void>;
}

/** A server somebody else runs: `start`, `stop` and `kill` throw. */
export class EnvironmentServer implements ServerHandle {
  readonly provider = 'environment';

  constructor(
    readonly url: string,
    private readonly variable: string,
  ) {}

  start = (): Promise<void> => this.#refuse('started');
  stop = (): Promise<void> => this.#refuse('stopped');
  kill = (): Promise<void> => this.#refuse('killed');

  async #refuse(what: string): Promise<void> {
    throw new Error(
      `The server of ${this.variable} is not ours and cannot be ${what}: unset ${this.variable} to get a private one.`,
    );
  }
}
