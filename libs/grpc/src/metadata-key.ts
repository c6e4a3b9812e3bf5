import type { Metadata } from '@grpc/grpc-js';
import { applicationKey } from './context-metadata.js';

/** The values of a key: bytes where its name ends in `-bin`, else text. */
export type MetadataValueOf<Name extends string> = Name extends `${string}-bin` ? Buffer : string;

/** One key of the metadata with the type of its values. */
export class MetadataKey<Name extends string = string> {
  /** @throws {TypeError} when the name is no key, or belongs to the protocol or the call context */
  constructor(readonly name: Name) {
    applicationKey(name);
  }

  /** The first value, or undefined when there is none: `LOCALE.of(call.metadata)`. */
  of(metadata: Metadata): MetadataValueOf<Name> | undefined {
    return this.allOf(metadata)[0];
  }

  /** Every value, in the order in which they were sent. */
  allOf(metadata: Metadata): MetadataValueOf<Name>[] {
    return metadata.get(this.name) as MetadataValueOf<Name>[];
  }

  /** Puts `values` in the place of what is there: `LOCALE.set(call.trailers, 'de')`. */
  set(metadata: Metadata, ...values: MetadataValueOf<Name>[]): void {
    metadata.remove(this.name);
    for (const value of values) metadata.add(this.name, value);
  }
}
