import { toProblem, type RookeryError } from '@rookery/errors';

/** The form in which Nest's own NATS client sends: everything in one JSON object. */
export interface NestEnvelope {
  readonly data: unknown;
  /** Names a request; events have none. */
  readonly id?: string;
}

/** The envelope that `payload` is, if it is one. */
export function nestEnvelope(payload: unknown): NestEnvelope | undefined {
  if (typeof payload !== 'object' || payload === null || !('pattern' in payload) || !('data' in payload))
    return undefined;
  const { data, id } = payload as { data: unknown; id?: unknown };
  return { data, id: typeof id === 'string' ? id : undefined };
}

/** An answer as Nest's client reads it. @param more whether others come after it */
export function nestReply(id: string, response: unknown, more: boolean): Uint8Array {
  return Buffer.from(JSON.stringify({ id, response, ...(more ? {} : { isDisposed: true }) }));
}

/** A failure as Nest's client reads it; it throws `err`. */
export function nestFailure(id: string, error: RookeryError): Uint8Array {
  const { detail: message, code, reason, violations } = toProblem(error);
  return Buffer.from(
    JSON.stringify({ id, err: { status: 'error', message, code, reason, violations }, isDisposed: true }),
  );
}
