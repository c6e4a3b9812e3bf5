import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';

/**
 * Makes the codecs that ts-proto has generated below `folder` faster: they read and write with our BinaryReader and
 * BinaryWriter instead of @bufbuild/protobuf's, and dates without a Timestamp and its bigint in between.
 * @param {string} folder
 * @param {string} wire what exports the two classes: the name of a module, or the path of a file, imported relatively
 */
export function useFastCodecs(folder, wire) {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith('.ts')) continue;
    const path = join(entry.parentPath, entry.name);
    const module = wire.endsWith('.js') ? relative(dirname(path), wire).split(sep).join('/') : wire;
    const source = readFileSync(path, 'utf8');
    const changed = withoutTimestamps(source).replaceAll('from "@bufbuild/protobuf/wire"', `from "${module}"`);
    if (changed !== source) writeFileSync(path, changed);
  }
}

/** The source with the `timestamp` of our classes, and without what nothing uses any more. */
function withoutTimestamps(source) {
  let result = source
    .replaceAll(
      /\bTimestamp\.encode\(toTimestamp\((.+)\), writer\.uint32\((\d+)\)\.fork\(\)\)\.join\(\)/g,
      'writer.uint32($2).timestamp($1)',
    )
    .replaceAll('fromTimestamp(Timestamp.decode(reader, reader.uint32()))', 'reader.timestamp()');
  for (const name of ['toTimestamp', 'fromTimestamp']) {
    if (new RegExp(`(?<!function )\\b${name}\\(`).test(result)) continue;
    result = result.replace(new RegExp(`^function ${name}\\(.*?^\\}\\n\\n`, 'ms'), '');
  }
  const unimported = result.replace(/^import \{ Timestamp \} from .*\n/m, '');
  return /^(?! *(?:\/?\*|\/\/)).*\bTimestamp\b/m.test(unimported) ? result : unimported;
}
