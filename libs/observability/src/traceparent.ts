const TRACE = '(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}';

/**
 * What W3C Trace Context calls valid: no id is all zeros, version 00 ends with its flags, what later versions append is
 * printable ASCII, and there is no version ff.
 * @see https://www.w3.org/TR/trace-context/#traceparent-header
 */
const ACCEPTED = new RegExp(`^(00-${TRACE}|(?!00|ff)[0-9a-f]{2}-${TRACE}(-[\\x21-\\x7e]{0,200})?)$`);

/** The caller's traceparent when it is one: safe in logs, headers and metadata. Else undefined, and a trace begins here. */
export function traceparentFrom(received: unknown): string | undefined {
  return typeof received === 'string' && ACCEPTED.test(received) ? received : undefined;
}
