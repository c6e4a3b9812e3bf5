import { Metadata } from '@grpc/grpc-js';
import type { CallContext } from '@rookery/context';
import { CONTEXT_METADATA, applicationKey } from '../context-metadata.js';

/** Text of printable ASCII; bytes under a key that ends in `-bin`. */
export type MetadataValue = string | Uint8Array;

/** What a call sends besides its message. A key with several values is sent several times. */
export type CallMetadata = Readonly<Record<string, MetadataValue | readonly MetadataValue[]>>;

const TEXT = /^[\x20-\x7e]*$/;

/** A call without context and metadata of its own. grpc-js copies what it is given, so one is enough. */
const NONE = new Metadata();

const CARRIED = Object.entries(CONTEXT_METADATA) as [keyof typeof CONTEXT_METADATA, string][];

/**
 * The metadata of an outgoing call: what the context carries on, and the call's own.
 * @throws {TypeError} for a key or a value that gRPC cannot carry, and for a key that is not the application's: a defect
 * of this program, found before anything is sent
 */
export function outgoingMetadata(own: CallMetadata | undefined, context: CallContext | undefined): Metadata {
  if (own === undefined && context === undefined) return NONE;
  const metadata = new Metadata();
  if (context) {
    for (const [property, key] of CARRIED) {
      const value = context[property];
      if (value) metadata.set(key, checked(key, value) as string);
    }
  }
  for (const name in own) add(metadata, name, own[name]!);
  return metadata;
}

function add(metadata: Metadata, name: string, value: CallMetadata[string]): void {
  const key = applicationKey(name);
  for (const one of Array.isArray(value) ? value : [value]) metadata.add(key, checked(key, one));
}

function checked(key: string, value: unknown): string | Buffer {
  if (key.endsWith('-bin')) {
    if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    throw new TypeError(
      `metadata "${key}" takes bytes (a Uint8Array), because its key ends in -bin; got ${kind(value)}`,
    );
  }
  if (typeof value !== 'string')
    throw new TypeError(`metadata "${key}" takes text; got ${kind(value)}${binHint(value)}`);
  if (TEXT.test(value)) return value;
  throw new TypeError(`metadata "${key}" takes printable ASCII only; send other text as bytes, as "${key}-bin"`);
}

function kind(value: unknown): string {
  return value === null ? 'null' : value instanceof Uint8Array ? 'bytes' : typeof value;
}

function binHint(value: unknown): string {
  return value instanceof Uint8Array ? ' (a key for bytes ends in -bin)' : '';
}
