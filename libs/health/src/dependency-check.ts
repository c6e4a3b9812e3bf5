import type { Dependency } from '@rookery/observability';

/** Milliseconds. A dependency that does not answer within it counts as down. */
const TIMEOUT = 1_000;
/** Milliseconds. However many probes come, a dependency is asked no more often. */
const FRESH = 500;
/** Milliseconds. A check that hangs longer was lost; until then no second one is added to it. */
const LOST = 10_000;

/** What was found out about a dependency. */
export interface CheckResult {
  readonly up: boolean;
  /** Milliseconds that the answer took. */
  readonly latency: number;
  /** Why it is down, or what kind it is. */
  readonly detail?: string;
}

/** Asks one dependency: whoever comes while it is being asked, or soon after, gets the same answer. */
export class DependencyCheck {
  private running: { readonly since: number; readonly result: Promise<CheckResult> } | undefined;
  private last: { readonly at: number; readonly result: CheckResult } | undefined;

  constructor(
    private readonly dependency: Dependency,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Never rejects, and never takes longer than a second. */
  async result(): Promise<CheckResult> {
    if (this.last && this.now() - this.last.at < FRESH) return this.last.result;
    if (!this.running || this.now() - this.running.since > LOST) this.start();
    const { since, result } = this.running!;
    const waited = this.now() - since;
    return waited < TIMEOUT ? within(TIMEOUT - waited, result) : late(waited);
  }

  private start(): void {
    const since = this.now();
    const result = ask(this.dependency).then(({ up, detail }) => {
      const answered = { up, detail, latency: rounded(this.now() - since) };
      this.last = { at: this.now(), result: answered };
      if (this.running === run) this.running = undefined;
      return answered;
    });
    const run = { since, result };
    this.running = run;
  }
}

async function ask(dependency: Dependency): Promise<{ up: boolean; detail?: string }> {
  try {
    return await dependency.check();
  } catch (error) {
    return { up: false, detail: reasonOf(error) };
  }
}

async function within(ms: number, result: Promise<CheckResult>): Promise<CheckResult> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<CheckResult>((resolve) => {
    timer = setTimeout(() => resolve(late(TIMEOUT)), ms);
  });
  try {
    return await Promise.race([result, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

function late(waited: number): CheckResult {
  return { up: false, latency: rounded(waited), detail: `no answer within ${TIMEOUT} ms` };
}

function rounded(ms: number): number {
  return Math.round(ms * 10) / 10;
}

/** Probes are read by operators: the message is theirs, the stack is the log's. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as { code?: unknown };
  return error.message || (typeof code === 'string' ? code : error.name);
}
