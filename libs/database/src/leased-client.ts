import type { Readable } from 'node:stream';
import type { CallContext } from '@rookery/context';
import pg from 'pg';
import { requestCancel } from './cancel-request.js';
import { type Ahead, StatementBatch } from './statement-batch.js';

/**
 * Milliseconds for cancelling a statement and rolling back, until the connection is given up: longer than a server
 * under load takes, shorter than callers wait for a connection of the pool.
 */
const WIND_UP_LIMIT = 2_000;

/** Their outcome counts, whoever still waits for it. ROLLBACK TO SAVEPOINT is one of them. */
const DECISIVE = /^\s*(COMMIT|ROLLBACK)\b/i;
const ROLLBACK = /^\s*ROLLBACK\b/i;
/** What TypeORM sends without values, one statement at a time. */
const CONTROL = /^(COMMIT|ROLLBACK|SAVEPOINT|RELEASE)\b/;

/** What a statement that did not have to be sent answers. */
const NOTHING = { rows: [], rowCount: 0, command: '', oid: 0, fields: [] } satisfies pg.QueryResult;

/** Why a connection that was given back is closed: whoever had it did not end what it began there. */
export class GivenBackEarly extends Error {}

/**
 * A connection that knows which call has it, and sends nothing sooner than needed: the begin of a transaction goes with
 * its first statement, what is held back with the next one.
 *
 * When the call ends, so does its work here: the statement that runs is cancelled on the server, its transaction is rolled
 * back, further statements are refused with the reason the call ended for, and nobody else gets the connection before the
 * server is done with all of that.
 *
 * It sits below TypeORM because everything goes through here: repositories, query builders, plain SQL, streams.
 */
export class LeasedClient extends pg.Client {
  private call: CallContext | undefined;
  private reason: Error | undefined;
  private windingUp: Promise<void> | undefined;
  private decisive = false;
  private stream: Partial<Readable> | undefined;
  private rejectRunning: ((reason: Error) => void) | undefined;
  private broke: Error | undefined;
  /** What begins the transaction that was asked for, until it is sent. */
  private begin: string | undefined;
  private held: Ahead[] = [];
  private readonly prepared = new Set<string>();
  /** Statements that were issued while another one ran. Not in pg's own queue: it would send them after the call. */
  private readonly waiting: (() => void)[] = [];

  constructor(options?: string | pg.ClientConfig) {
    super(options);
    this.on('error', (error) => (this.broke ??= error));
  }

  /** What ended the session while no statement was under way, which nobody was told. */
  get brokenBy(): Error | undefined {
    return this.broke;
  }

  /**
   * From now on it works for `call`, if for any. One listener for as long as the call has it, however many statements it
   * runs.
   */
  lease(call: CallContext | undefined): void {
    this.begin = undefined;
    this.held = [];
    this.call = call;
    call?.signal.addEventListener('abort', this.onAbort);
  }

  /**
   * The call needs it no more. @returns undefined when it can go to somebody else, otherwise what resolves when it can
   * and rejects when it never should
   */
  endLease(): Promise<void> | undefined {
    this.call?.signal.removeEventListener('abort', this.onAbort);
    // Of a transaction that has sent nothing, nothing is left.
    this.begin = undefined;
    this.held = [];
    const ending = this.windingUp ?? (this.atRest ? undefined : this.comeToRest());
    const forget = () => {
      this.call = this.reason = this.windingUp = this.stream = undefined;
    };
    if (!ending) forget();
    return ending?.then(forget);
  }

  /** Whether nothing runs or waits to run, and there is no transaction. */
  private get atRest(): boolean {
    // Whoever waits for a new connection has it, and may give it back, before pg counts it as ready.
    if (this.getTransactionStatus() === null) return !this.rejectRunning && !this.stream;
    return this.idle && this.waiting.length === 0 && this.getTransactionStatus() === 'I';
  }

  private get idle(): boolean {
    return (this as unknown as { readyForQuery: boolean }).readyForQuery;
  }

  /** A failed statement is told before the server is done with it; anything else was not awaited. */
  private async comeToRest(): Promise<void> {
    if (!this.idle || this.waiting.length > 0) {
      const message = `a connection was given back ${WIND_UP_LIMIT} ms ago and its statements have not ended: it is closed`;
      await within(WIND_UP_LIMIT, new GivenBackEarly(message), () => this.run(['']));
    }
    if (this.getTransactionStatus() === 'I') return;
    throw new GivenBackEarly('a connection was given back within a transaction, which is undone');
  }

  /** Sends `statement` with the next one, whose failure its own will be. A rollback takes it back unsent. */
  hold(statement: Ahead): void {
    this.held.push(statement);
  }

  /** As pg's, in all of its forms. */
  override query(...args: unknown[]): never {
    return this.take(args) as never;
  }

  private take(args: unknown[]): unknown {
    const [statement] = args as [string | (Partial<Readable> & { text?: string; submit?: unknown })];
    if (typeof statement === 'object' && typeof statement.submit === 'function') {
      if (this.reason) throw this.reason;
      const ahead = this.takeAhead();
      // When this fails, so does the stream behind it.
      if (ahead.length > 0) this.sendAlone(ahead).catch(() => undefined);
      this.stream = statement;
      this.decisive = false;
      return this.send(...args);
    }
    const done = args.at(-1);
    if (typeof done === 'function') {
      this.run(args.slice(0, -1)).then((result) => done(undefined, result), done as (error: unknown) => void);
      return undefined;
    }
    return this.run(args);
  }

  /** One after the other, in the order in which they came. */
  private run(args: unknown[]): Promise<unknown> {
    if (!this.rejectRunning) return this.start(args);
    return new Promise((resolve, reject) => this.waiting.push(() => this.start(args).then(resolve, reject)));
  }

  private async start(args: unknown[]): Promise<unknown> {
    const [statement] = args as [string | { text?: string }];
    const text = typeof statement === 'string' ? statement : (statement.text ?? '');
    if (this.reason) {
      // It is being rolled back already; TypeORM must not take that for a failure.
      if (ROLLBACK.test(text)) return NOTHING;
      throw this.reason;
    }
    this.stream = undefined;
    if (text.startsWith('START TRANSACTION')) {
      this.begin = text;
      return NOTHING;
    }
    this.decisive = DECISIVE.test(text);
    if (ROLLBACK.test(text)) this.held = [];
    if (this.decisive && this.begin && this.held.length === 0) {
      this.begin = undefined;
      return NOTHING;
    }
    const sent = this.sendBehind(this.takeAhead(), text, args).then((result) => committed(text, result));
    return new Promise((resolve, reject) => {
      this.rejectRunning = reject;
      const ended = () => this.rejectRunning === reject && this.startNext();
      sent.then(resolve, reject).then(ended);
    });
  }

  /** In one round trip, unless `args` may be several statements: those cannot follow others. */
  private async sendBehind(ahead: readonly Ahead[], text: string, args: unknown[]): Promise<unknown> {
    if (ahead.length === 0) return this.send(...args);
    const [statement, values] = args as [string | pg.QueryConfig, unknown[] | undefined];
    const config = typeof statement === 'string' ? { text, values } : statement;
    if (config.values?.length || CONTROL.test(text)) return this.sendTogether(ahead, config);
    await this.sendAlone(ahead);
    if (this.reason) throw this.reason;
    return this.send(...args);
  }

  private sendAlone(ahead: readonly Ahead[]): Promise<unknown> {
    const { text, values } = ahead.at(-1)!;
    return this.sendTogether(ahead.slice(0, -1), { text, values: values as unknown[] });
  }

  private sendTogether(ahead: readonly Ahead[], statement: pg.QueryConfig): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const done = (error: Error | null, result: pg.QueryResult) => (error ? reject(error) : resolve(result));
      this.send(new StatementBatch(ahead, statement, this.prepared, done));
    });
  }

  private takeAhead(): readonly Ahead[] {
    const { begin, held } = this;
    if (begin) held.unshift({ text: begin }, ...this.bound());
    this.begin = undefined;
    this.held = [];
    return held;
  }

  private startNext(): void {
    this.rejectRunning = undefined;
    // Those that are refused do not run.
    while (!this.rejectRunning && this.waiting.length > 0) this.waiting.shift()!();
  }

  private send(...args: unknown[]): Promise<unknown> {
    return Reflect.apply(super.query, this, args) as Promise<unknown>;
  }

  /**
   * `statement_timeout` for the rest of the transaction, in the same round trip. It is what ends the work when nobody is
   * left to cancel it: the process died, the network broke. A statement without a transaction goes without: a round
   * trip of its own would cost every call something, and DATABASE_STATEMENT_TIMEOUT ends it anyway.
   */
  private bound(): readonly Ahead[] {
    const deadline = this.call?.deadline;
    if (deadline === undefined) return [];
    const remaining = Math.ceil(deadline - Date.now());
    const { statement_timeout: usual } = (this as unknown as { connectionParameters: pg.ClientConfig })
      .connectionParameters;
    // Past the deadline it is the signal's turn, and 0 would mean no limit.
    const tighter = remaining > 0 && remaining < (Number(usual) || Number.POSITIVE_INFINITY);
    return tighter ? [{ text: `SET LOCAL statement_timeout = ${remaining}` }] : [];
  }

  private readonly onAbort = (): void => {
    const reason = this.call?.signal.reason as Error;
    this.reason = reason;
    const { idle } = this;
    if (idle && this.getTransactionStatus() === 'I') return;
    // Whether a COMMIT that was sent took effect is for the server to say, and for the caller to know.
    const cancel = !idle && !this.decisive;
    if (cancel) {
      this.rejectRunning?.(reason);
      this.startNext();
    }
    this.windingUp = this.windUp(idle, cancel);
    this.windingUp.catch(() => undefined);
    if (this.stream) endAtOnce(this.stream, reason);
  };

  private windUp(idle: boolean, cancel: boolean): Promise<void> {
    const late = new Error(`a cancelled statement did not end within ${WIND_UP_LIMIT} ms`);
    return within(WIND_UP_LIMIT, late, async (limit) => {
      if (cancel) await requestCancel(this, limit);
      if (this.stream) throw new Error('what a stream left unread cannot be told from what comes next');
      // An empty one queues behind what runs: when it is answered, the server is done, and has told in which state it is.
      if (!idle) await this.send('');
      if (this.getTransactionStatus() !== 'I') await this.send('ROLLBACK');
    });
  }
}

/** @param ms after which it rejects with `late`, and the signal of `work` aborts */
async function within(ms: number, late: Error, work: (limit: AbortSignal) => Promise<unknown>): Promise<void> {
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), ms);
  const over = new Promise<never>((_, reject) => limit.signal.addEventListener('abort', () => reject(late)));
  try {
    await Promise.race([work(limit.signal), over]);
  } finally {
    clearTimeout(timer);
  }
}

/** PostgreSQL takes the COMMIT of a transaction of which a statement failed, and rolls back. */
function committed(text: string, result: unknown): unknown {
  if (text !== 'COMMIT' || (result as pg.QueryResult).command === 'COMMIT') return result;
  throw new Error('the transaction was rolled back instead of committed: one of its statements had failed');
}

/** Whoever reads it is told now; its own way of closing waits for the server, and this connection is given up anyway. */
function endAtOnce(stream: Partial<Readable>, reason: Error): void {
  stream._destroy = (error, done) => done(error);
  // Perhaps nobody listens, and an error that nobody hears ends the process.
  stream.on?.('error', () => undefined);
  stream.destroy?.(reason);
}
