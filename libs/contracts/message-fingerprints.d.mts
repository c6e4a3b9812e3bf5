import type { FileRegistry } from '@bufbuild/protobuf';

/** A fingerprint of each message's schema, all reachable fields included, by the message's full name. */
export function messageFingerprints(registry: FileRegistry): Record<string, string>;
