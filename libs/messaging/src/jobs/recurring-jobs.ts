import { setMaxListeners } from 'node:events';
import { failureName, orAborted, runWithContext } from '@rookery/context';
import type { ControlConnection } from '@rookery/database';
import { DeadlineExceeded, Unavailable } from '@rookery/errors';
import { type Logger, type Tracer, requestIdFrom } from '@rookery/observability';
import type { MessagingMetrics } from '../messaging.metrics.js';
import { within } from '../within.js';
import type { Clock } from './clock.js';
import type { JobMethod } from './job-methods.js';

/** Milliseconds before a run that failed is run again, doubling. */
const BACKOFF = { first: 1_000, longest: 60_000 };

/** A schedule that was changed begins anew. */
const DECLARE = `
  INSERT INTO recurring_jobs AS known (name, schedule, next_run)
  SELECT * FROM unnest($1::text[], $2::text[], $3::timestamptz[])
  ON CONFLICT (name) DO UPDATE SET schedule = excluded.schedule, next_run = excluded.next_run
  WHERE known.schedule <> excluded.schedule`;
/** A job that is never due again. */
const NEVER = 'infinity';
/** A time of PostgreSQL's has microseconds, a Date has none: as text it stays what it is. */
const DUE =
  'SELECT name, next_run, next_run::text AS due, failures FROM recurring_jobs WHERE next_run <= $1 AND name = ANY ($2)';
/** Nothing, when somebody has run it or set another time meanwhile. */
const DONE = `
  UPDATE recurring_jobs SET next_run = $3, last_run = $4, failures = 0 WHERE name = $1 AND next_run = $2`;
const FAILED = `
  UPDATE recurring_jobs SET next_run = $3, failures = failures + 1 WHERE name = $1 AND next_run = $2`;

interface DueJob {
  readonly name: string;
  readonly next_run: Date;
  readonly due: string;
  readonly failures: number;
}

interface Run {
  readonly ending: AbortController;
  /** Resolves when the table knows how it went, or it was ended. */
  ended: Promise<void>;
  /** Settles when the method itself has come to its end, whoever waits for it. */
  method: Promise<void>;
  /** Whether the log says that it goes on after its end. */
  told: boolean;
}

/**
 * Runs the methods with `@Every` and `@Cron`, in the one replica that has the relay. A table remembers when each is due,
 * and moves on when a run has succeeded: a replica that takes over finds what its predecessor did not finish.
 */
export class RecurringJobs {
  private methods = new Map<string, JobMethod>();
  private readonly running = new Map<string, Run>();
  /** Whether it is this replica that runs them. */
  private begun = false;

  constructor(
    private readonly find: () => JobMethod[],
    private readonly control: ControlConnection,
    private readonly clock: Clock,
    private readonly options: { readonly jobTimeout: number },
    private readonly metrics: MessagingMetrics,
    private readonly logger: Logger,
    private readonly tracer: Tracer,
  ) {}

  /** Looks for jobs in the code. @throws what `JobMethods.find` throws */
  declare(): void {
    this.methods = new Map(this.find().map((method) => [method.name, method]));
  }

  /** Starts what is due and does not wait for it. What goes on after it was ended is not started beside itself. */
  async runDue(): Promise<void> {
    if (this.methods.size === 0) return;
    if (!this.begun) await this.begin();
    const due = await this.control.query<DueJob>(DUE, [this.clock.now(), [...this.methods.keys()]]);
    // With the answer can come the end of the session, and of its lock.
    if (!this.begun) return;
    for (const job of due) {
      const run = this.running.get(job.name);
      if (!run) this.start(this.methods.get(job.name)!, job);
      else if (run.ending.signal.aborted && !run.told) {
        run.told = true;
        this.logger.warn({ job: job.name }, 'recurring job is due and has not ended, though its signal is aborted');
      }
    }
  }

  /** Another replica may run them from now on: it runs again what has not come to its end here. */
  end(): void {
    this.begun = false;
    const reason = new Unavailable('another replica runs the job again', { reason: 'SHUTTING_DOWN' });
    for (const { ending } of this.running.values()) ending.abort(reason);
  }

  /** Waits `limit` milliseconds for those that run, then ends them. */
  async stop(limit: number): Promise<void> {
    await within(Promise.all([...this.running.values()].map(({ ended }) => ended)), limit);
    this.end();
  }

  private async begin(): Promise<void> {
    this.begun = true;
    const methods = [...this.methods.values()];
    const now = this.clock.now();
    try {
      await this.control.query(DECLARE, [
        methods.map(({ name }) => name),
        methods.map(({ schedule }) => schedule.text),
        methods.map(({ schedule }) => schedule.next(now, now) ?? NEVER),
      ]);
    } catch (error) {
      this.begun = false;
      throw error;
    }
  }

  private start(method: JobMethod, job: DueJob): void {
    const ending = new AbortController();
    setMaxListeners(0, ending.signal);
    const run: Run = { ending, ended: Promise.resolve(), method: Promise.resolve(), told: false };
    this.running.set(method.name, run);
    run.ended = this.run(method, job, run)
      // It stays due, and is run again.
      .catch((error: unknown) => this.logger.error({ job: job.name, error }, 'recurring job cannot be settled'));
    void Promise.allSettled([run.ended, run.method]).then(() => this.running.delete(method.name));
  }

  private async run(method: JobMethod, job: DueJob, run: Run): Promise<void> {
    const { name, timeout = this.options.jobTimeout } = method;
    const { ending } = run;
    const late = () => ending.abort(new DeadlineExceeded(`the job ${name} took longer than ${timeout} ms`));
    const timer = setTimeout(late, timeout);
    const { signal } = ending;
    const trace = this.tracer.begin(`job ${name}`, 'internal', {});
    const context = { requestId: requestIdFrom(undefined), deadline: Date.now() + timeout, signal, ...trace };
    const begun = this.clock.now();
    const started = performance.now();
    try {
      run.method = runWithContext(context, method.run);
      // One that does not listen to its signal has failed all the same.
      await orAborted(run.method, signal);
    } catch (error) {
      trace.span?.end({ failure: failureName(error), error });
      // Ended because the lock is gone is no failure of the job's.
      if (!(signal.reason instanceof Unavailable)) await this.failed(job, error, started);
      return;
    } finally {
      clearTimeout(timer);
    }
    trace.span?.end();
    this.report(name, 'done', started);
    const next = method.schedule.next(this.clock.now(), job.failures > 0 ? begun : job.next_run);
    if (!next) this.logger.info({ job: name }, 'recurring job is over: its schedule has no next time');
    await this.settle(DONE, [name, job.due, next ?? NEVER, begun]);
  }

  private async failed({ name, due, failures }: DueJob, error: unknown, started: number): Promise<void> {
    const delay = Math.min(BACKOFF.first * 2 ** failures, BACKOFF.longest);
    this.report(name, 'failed', started, { error, delay });
    const again = new Date(this.clock.now().getTime() + delay);
    await this.settle(FAILED, [name, due, again]);
  }

  /** Without a database it stays due. */
  private async settle(statement: string, values: unknown[]): Promise<void> {
    await this.control.query(statement, values).catch(() => undefined);
  }

  private report(job: string, outcome: 'done' | 'failed', started: number, failure?: object): void {
    const duration = performance.now() - started;
    this.metrics.jobRan(job, outcome, duration);
    const line = { job, ms: Math.round(duration * 100) / 100, ...failure };
    if (failure) this.logger.warn(line, 'recurring job failed');
    else this.logger.info(line, 'recurring job done');
  }
}
