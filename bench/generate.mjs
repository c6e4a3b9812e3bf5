// Writes what the bench's proto means for each kind of server into generated/, which is git-ignored.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { useFastCodecs } from '../libs/contracts/fast-codecs.mjs';

const bench = dirname(fileURLToPath(import.meta.url));
const root = dirname(bench);

function run(script, ...args) {
  execFileSync(process.execPath, [script, ...args], { cwd: bench, stdio: ['ignore', 'ignore', 'inherit'] });
}

function buf(...plugins) {
  const template = { version: 'v2', inputs: [{ directory: 'proto' }], plugins };
  run(join(root, 'node_modules/.bin/buf'), 'generate', '--template', JSON.stringify(template));
}

/** ts-proto with the options of the workspace's own contracts, read from there so that they cannot differ. */
function tsProto(out, further = []) {
  const workspace = parse(readFileSync(join(root, 'libs/contracts/buf.gen.yaml'), 'utf8'));
  const { opt } = workspace.plugins.find(({ local }) => local.endsWith('protoc-gen-ts_proto'));
  return {
    local: join(root, 'node_modules/.bin/protoc-gen-ts_proto'),
    out,
    include_imports: true,
    opt: [...opt, ...further],
  };
}

/** Generates the code of all servers. */
export function generate() {
  rmSync(join(bench, 'generated'), { recursive: true, force: true });
  mkdirSync(join(bench, 'generated/static'), { recursive: true });
  buf(
    // For Rookery; and apart from it, as it is and with the option that nice-grpc's documentation asks for, for nice-grpc.
    tsProto('generated/rookery'),
    tsProto('generated/ts-proto', ['useExactTypes=false']),
    { local: join(bench, 'node_modules/.bin/protoc-gen-es'), out: 'generated/es', opt: ['target=js'] },
  );
  useFastCodecs(join(bench, 'generated/rookery'), '@rookery/contracts');
  const lean = ['create', 'verify', 'convert', 'delimited', 'service'].map((part) => `--no-${part}`);
  const pbjs = [join(bench, 'node_modules/.bin/pbjs'), '--target', 'static-module', '--wrap', 'commonjs', ...lean];
  run(...pbjs, '--path', 'proto', '--out', 'generated/static/bench.cjs', join(bench, 'proto/bench/v1/bench.proto'));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) generate();
