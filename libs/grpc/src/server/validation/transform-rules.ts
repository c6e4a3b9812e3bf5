import 'reflect-metadata';
import { Type } from 'class-transformer';
import type { MetadataStorage } from 'class-transformer/types/MetadataStorage.js';

class Probe {
  property: unknown;
}
Type(() => Object)(Probe.prototype, 'property');

async function storageOf(module: Promise<{ defaultMetadataStorage: MetadataStorage }>) {
  const { defaultMetadataStorage } = await module;
  return defaultMetadataStorage.findTypeMetadata(Probe, 'property') === undefined ? undefined : defaultMetadataStorage;
}

/**
 * Where class-transformer keeps what `@Type` and its other decorators say, which it does not export. The package holds
 * its code twice: Node loads the one form, a bundler the other, and only the one in use knows our probe. Undefined when
 * neither does: then nothing is known of any class, and class-transformer does all the work itself.
 */
export const transformRules: MetadataStorage | undefined =
  (await storageOf(import('class-transformer/cjs/storage.js')).catch(() => undefined)) ??
  (await storageOf(import('class-transformer/esm5/storage.js')).catch(() => undefined));
