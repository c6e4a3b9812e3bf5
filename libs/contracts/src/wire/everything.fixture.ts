import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { parse } from 'yaml';
import { useFastCodecs } from '../../fast-codecs.mjs';
import type { MessageCodec } from '../service-definition.js';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '../../../..');

/** The two classes that generated code reads and writes with. */
export interface Wire {
  BinaryReader: new (bytes: Uint8Array) => object;
  BinaryWriter: new () => object;
}

/** A message that knows its fields by name only: the specs compare codecs, they do not read messages. */
export type Message = Record<string, unknown>;

/** What ts-proto makes of everything.proto with the options of our contracts, as JavaScript by its path. */
export interface Generated {
  plain: Map<string, string>;
  /** After `useFastCodecs`. */
  fast: Map<string, string>;
}

const PATHS = ['everything', 'google/protobuf/timestamp', 'google/protobuf/wrappers'];

export function generateEverything(): Generated {
  const folder = mkdtempSync(join(tmpdir(), 'rookery-wire-'));
  try {
    copyFileSync(join(here, 'everything.proto'), join(folder, 'everything.proto'));
    const contracts = parse(readFileSync(join(root, 'libs/contracts/buf.gen.yaml'), 'utf8')) as {
      plugins: { opt: string[] }[];
    };
    const { opt } = contracts.plugins[0]!;
    const local = join(root, 'node_modules/.bin/protoc-gen-ts_proto');
    const plugins = [{ local, out: '.', include_imports: true, opt }];
    const template = JSON.stringify({ version: 'v2', inputs: [{ directory: '.' }], plugins });
    const buf = join(root, 'node_modules/.bin/buf');
    execFileSync(process.execPath, [buf, 'generate', '--template', template], { cwd: folder });
    const plain = javaScriptOf(folder);
    useFastCodecs(folder, '@rookery/contracts');
    return { plain, fast: javaScriptOf(folder) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function javaScriptOf(folder: string): Map<string, string> {
  const compilerOptions = { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022 };
  return new Map(
    PATHS.map((path) => {
      const source = readFileSync(join(folder, `${path}.ts`), 'utf8');
      return [`./${path}.js`, ts.transpileModule(source, { compilerOptions }).outputText];
    }),
  );
}

/** The codec of `Everything`, run on modules that are given: `wire` by the name under which the code imports it. */
export function everythingOn(wire: Record<string, Wire>, generated: Map<string, string>): MessageCodec<Message> {
  const required = (name: string): object => {
    if (Object.hasOwn(wire, name)) return wire[name]!;
    const exports = {};
    // oxlint-disable-next-line no-new-func -- what ts-proto has generated a moment ago
    new Function('exports', 'require', generated.get(name)!)(exports, required);
    return exports;
  };
  return (required('./everything.js') as { Everything: MessageCodec<Message> }).Everything;
}
