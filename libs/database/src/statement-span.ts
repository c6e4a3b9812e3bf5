import { type Span, callContext } from '@rookery/context';
import { QueryFailedError } from 'typeorm';

const OPERATION = /^\s*([A-Z]+)/i;
const TABLE = /\b(?:FROM|INTO|UPDATE)\s+(?:ONLY\s+)?"?(\w+)/i;

/** Begins the span of a statement when the call that runs it is traced. */
export function beginStatement(text: string): Span | undefined {
  const call = callContext()?.span;
  if (!call) return undefined;
  const operation = OPERATION.exec(text)?.[1]?.toUpperCase() ?? 'SQL';
  const table = TABLE.exec(text)?.[1];
  return call.child(table ? `${operation} ${table}` : operation, 'client', {
    'db.system.name': 'postgresql',
    'db.operation.name': operation,
    'db.collection.name': table,
    // Its values are parameters, which are not in it.
    'db.query.text': text,
  });
}

/** Ends it as failed, with PostgreSQL's SQLSTATE when it has one. */
export function endFailed(span: Span, error: unknown): void {
  const cause: unknown = error instanceof QueryFailedError ? error.driverError : error;
  const { code } = (cause ?? {}) as { code?: unknown };
  const state = typeof code === 'string' ? code : undefined;
  const failure = state ?? (error instanceof Error ? error.name : 'Error');
  span.end({ failure, error, attributes: { 'db.response.status_code': state } });
}
