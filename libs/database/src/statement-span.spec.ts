import { type Span, runWithContext } from '@rookery/context';
import { QueryFailedError } from 'typeorm';
import { expect, it } from 'vitest';
import { beginStatement, endFailed } from './statement-span.js';

/** A span that keeps what it is told. */
class Recorder implements Span {
  readonly traceparent = '';
  readonly traceId = '';
  readonly told: unknown[] = [];

  child(...began: unknown[]): Span {
    this.told.push(began);
    return this;
  }
  end(end?: unknown): void {
    this.told.push(end);
  }
}

const within = <T>(span: Span, work: () => T) =>
  runWithContext({ requestId: 'r-1', signal: new AbortController().signal, span }, work);

it.each([
  ['SELECT "User"."id" FROM "users" "User" WHERE id = $1', 'SELECT users'],
  ['\n  insert INTO inbox (consumer, id) VALUES ($1, $2)', 'INSERT inbox'],
  ['UPDATE "orders" SET status = $1', 'UPDATE orders'],
  ['DELETE FROM ONLY outbox', 'DELETE outbox'],
  ['WITH gone AS (DELETE FROM inbox RETURNING 1) SELECT count(*) FROM gone', 'WITH inbox'],
  ['COMMIT', 'COMMIT'],
  ['SELECT 1', 'SELECT'],
  ['', 'SQL'],
])('calls %j "%s"', (text, name) => {
  const recorder = new Recorder();
  within(recorder, () => beginStatement(text));
  expect(recorder.told).toEqual([[name, 'client', expect.objectContaining({ 'db.query.text': text })]]);
});

it('says of what a statement failed, as PostgreSQL calls it', () => {
  const recorder = new Recorder();
  const driverError = Object.assign(new Error('duplicate key'), { code: '23505' });
  endFailed(recorder, new QueryFailedError('INSERT', [], driverError));
  endFailed(recorder, new RangeError('no connection'));
  expect(recorder.told).toMatchObject([
    { failure: '23505', attributes: { 'db.response.status_code': '23505' } },
    { failure: 'RangeError', attributes: { 'db.response.status_code': undefined } },
  ]);
});

it('is silent outside of a call that is traced', () => {
  expect(beginStatement('SELECT 1')).toBeUndefined();
});
