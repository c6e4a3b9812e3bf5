import type { CallContext } from '@rookery/context';
import { REQUEST_ID_HEADER } from '@rookery/observability';

/**
 * The metadata keys in which the context of a call travels from service to service: the client writes them, the server
 * reads them, and nobody else may.
 */
export const CONTEXT_METADATA = {
  requestId: REQUEST_ID_HEADER,
  traceparent: 'traceparent',
  tracestate: 'tracestate',
  tenant: 'x-tenant-id',
  principal: 'x-principal-id',
} as const satisfies Partial<Record<keyof CallContext, string>>;

const OF_CONTEXT: ReadonlySet<string> = new Set(Object.values(CONTEXT_METADATA));

/** What HTTP/2 forbids (RFC 9113, 8.2.2) and what gRPC sets itself (PROTOCOL-HTTP2.md, "Requests"). */
const OF_PROTOCOL: ReadonlySet<string> = new Set([
  'accept-encoding',
  'connection',
  'content-length',
  'content-type',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
  'user-agent',
]);

/** https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#requests */
const KEY = /^[0-9a-z_.-]+$/;

function ownerOf(key: string): string | undefined {
  if (OF_CONTEXT.has(key)) return 'the call context sets it (runWithContext of @rookery/context changes it)';
  if (key.startsWith('grpc-') || key.startsWith(':') || OF_PROTOCOL.has(key)) return 'the protocol sets it';
  return undefined;
}

/**
 * The key `name` as it is sent, in lower case.
 * @throws {TypeError} when it is no key, or belongs to the protocol or the call context
 */
export function applicationKey(name: string): string {
  const key = name.toLowerCase();
  const owner = ownerOf(key);
  if (owner) throw new TypeError(`metadata key "${name}" is reserved: ${owner}`);
  if (!KEY.test(key)) throw new TypeError(`metadata key "${name}" may have letters, digits, "_", "-" and "." only`);
  return key;
}
