import type { CallContext } from '@rookery/context';
import { CONTEXT_METADATA } from '@rookery/grpc';
import { requestIdFrom, traceparentFrom } from '@rookery/observability';
import { type MsgHdrs, headers as newHeaders } from '@nats-io/transport-node';

/** The headers of messages and answers beside those of the call context, which are named as in gRPC. */
export const HEADERS = {
  contentType: 'content-type',
  /** How long the sender waits for an answer, such as `1500m` (milliseconds). A duration, because clocks differ. */
  timeout: 'grpc-timeout',
  /** On answers: a code other than 0, its message (percent-encoded) and the encoded google.rpc.Status (base64). */
  status: 'grpc-status',
  message: 'grpc-message',
  details: 'grpc-status-details-bin',
  /** On an answer after which others come. */
  more: 'reply-more',
} as const;

/** What a name of a tenant or a principal may look like, as in gRPC: printable ASCII, safe in logs and headers. */
const NAME = /^[\x21-\x7e]{1,256}$/;
const TRACESTATE = /^[\x20-\x7e]{1,512}$/;

const TIMEOUT = /^(\d{1,8})([HMSm])$/;
const UNIT: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1 };
/** The most that eight digits of milliseconds can say. */
const LONGEST_TIMEOUT = 99_999_999;

/** What is read of a message's headers: names in lower case, the last value of each. */
export type ReadHeaders = Readonly<Record<string, string | undefined>>;

export function readHeaders(received: MsgHdrs): ReadHeaders {
  const read: Record<string, string> = {};
  for (const [name, values] of received) read[name.toLowerCase()] = values.at(-1) ?? '';
  return read;
}

/** Headers that carry `context` on, and the sender's `own`, which cannot replace those. */
export function outgoingHeaders(context: CallContext | undefined, own?: MsgHdrs): MsgHdrs {
  const headers = newHeaders();
  for (const [name, values] of own ?? []) for (const value of values) headers.append(name, value);
  if (!context) return headers;
  for (const [property, name] of Object.entries(CONTEXT_METADATA) as [keyof typeof CONTEXT_METADATA, string][]) {
    const value = context[property];
    if (value) headers.set(name, value);
  }
  return headers;
}

/** @param timeout milliseconds */
export function timeoutHeader(timeout: number): string {
  return `${Math.min(Math.max(1, Math.ceil(timeout)), LONGEST_TIMEOUT)}m`;
}

/** Milliseconds that the sender waits; undefined when it says nothing of use. */
export function timeoutOf(headers: ReadHeaders): number | undefined {
  const [, amount, unit = ''] = TIMEOUT.exec(headers[HEADERS.timeout] ?? '') ?? [];
  return amount === undefined ? undefined : Number(amount) * UNIT[unit]!;
}

/** The call context that the sender's headers carry on; what is not usable in them counts as missing. */
export function contextFrom(headers: ReadHeaders): Omit<CallContext, 'signal' | 'deadline'> {
  const traceparent = traceparentFrom(headers[CONTEXT_METADATA.traceparent]);
  return {
    requestId: requestIdFrom(headers[CONTEXT_METADATA.requestId]),
    traceparent,
    tracestate: traceparent && accepted(headers[CONTEXT_METADATA.tracestate], TRACESTATE),
    tenant: accepted(headers[CONTEXT_METADATA.tenant], NAME),
    principal: accepted(headers[CONTEXT_METADATA.principal], NAME),
  };
}

function accepted(value: string | undefined, pattern: RegExp): string | undefined {
  return value !== undefined && pattern.test(value) ? value : undefined;
}
