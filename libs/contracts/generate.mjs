// Writes what the protos mean in TypeScript: codecs and service definitions (ts-proto), one index per package with the
// handler and client types of its services, and the descriptor set that the gateway and reflection read.
// Everything generated is git-ignored; `npm ci`, `npm start` and `npm test` run this. `--check` fails when it is stale.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createFileRegistry, fromBinary, getOption } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { useFastCodecs } from './fast-codecs.mjs';
import { messageFingerprints } from './message-fingerprints.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const generated = join(root, 'libs/contracts/src/generated');
/** Template of each further lib that keeps messages of its own: no lib of its floor may import contracts. */
const others = { errors: 'buf.gen.errors.yaml', grpc: 'buf.gen.grpc.yaml' };
const folders = [generated, ...Object.keys(others).map((lib) => join(root, 'libs', lib, 'src/generated'))];
const stamp = join(generated, '.inputs');

/** Names that ts-proto exports from every file and that are not the package's own. */
const BOILERPLATE = new Set(['protobufPackage', 'protobufFileName', 'DeepPartial', 'Exact', 'MessageFns']);

function files(folder, suffix) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(suffix))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** A fingerprint of everything the output depends on. */
function fingerprint() {
  const hash = createHash('sha256');
  const inputs = [
    ...files(join(root, 'proto'), '.proto'),
    ...files(join(root, 'libs/contracts/third_party'), '.proto'),
    ...files(join(root, 'libs/contracts'), '.mjs').filter((path) => !path.includes('generated')),
    join(root, 'libs/contracts/buf.gen.yaml'),
    ...Object.values(others).map((template) => join(root, 'libs/contracts', template)),
    join(root, 'buf.yaml'),
    join(root, 'package-lock.json'),
  ];
  for (const path of inputs) hash.update(relative(root, path)).update(readFileSync(path));
  return hash.digest('hex');
}

function buf(...args) {
  return execFileSync(process.execPath, [join(root, 'node_modules/.bin/buf'), ...args], {
    cwd: root,
    maxBuffer: 64 * 1024 * 1024,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

/** `<package>/index.ts`: the package's messages, enums and definitions, and for each service the types built on it. */
function writePackageIndex(folder) {
  const lines = ['// Generated from proto/ by libs/contracts/generate.mjs. Do not edit.'];
  const services = [];
  for (const path of files(folder, '.ts')) {
    if (dirname(path) !== folder || path.endsWith('index.ts')) continue;
    const source = readFileSync(path, 'utf8');
    const names = [...source.matchAll(/^export (?:const|enum) (\w+)/gm)].map((match) => match[1]);
    const own = [...new Set(names)].filter((name) => !BOILERPLATE.has(name));
    if (own.length > 0)
      lines.push(`export { ${own.join(', ')} } from './${relative(folder, path).replace(/\.ts$/, '.js')}';`);
    services.push(
      ...own.filter((name) => source.includes(`export const ${name} = {\n  name: `)).map((name) => ({ name, path })),
    );
  }
  if (services.length > 0) {
    lines.push(`import type { ServiceClient, ServiceController } from '@rookery/contracts';`);
    for (const { name, path } of services) {
      const service = name.replace(/Definition$/, '');
      lines.push(
        `import type { ${name} as ${service}Contract } from './${relative(folder, path).replace(/\.ts$/, '.js')}';`,
        `/** What a controller of ${service} implements. */`,
        `export type ${service}Controller = ServiceController<typeof ${service}Contract>;`,
        `/** What a client of ${service} offers. */`,
        `export type ${service}Client = ServiceClient<typeof ${service}Contract>;`,
      );
    }
  }
  writeFileSync(join(folder, 'index.ts'), `${lines.join('\n')}\n`);
}

/** The ports table: where each service is found, from the `google.api.default_host` of its proto. */
function serviceHosts(registry) {
  const defaultHost = registry.getExtension('google.api.default_host');
  const hosts = {};
  for (const type of registry) {
    if (type.kind !== 'service') continue;
    const [name, port] = String(getOption(type, defaultHost)).split(':');
    if (name !== '') hosts[type.typeName] = { name, port: Number(port) };
  }
  return hosts;
}

function generate(inputs) {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  buf('generate', '--template', 'libs/contracts/buf.gen.yaml');
  for (const template of Object.values(others)) buf('generate', '--template', `libs/contracts/${template}`);
  useFastCodecs(generated, join(root, 'libs/contracts/src/wire/index.js'));
  useFastCodecs(join(root, 'libs/grpc/src/generated'), '@rookery/contracts');
  for (const folder of new Set(files(generated, '.ts').map((path) => dirname(path)))) writePackageIndex(folder);
  writeDescriptors(buf('build', '-o', '-#format=binpb'));
  writeFileSync(stamp, inputs);
}

/** `descriptors.ts`: the descriptor set, and the tables that are read from it. */
function writeDescriptors(descriptorSet) {
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptorSet));
  mkdirSync(generated, { recursive: true });
  writeFileSync(
    join(generated, 'descriptors.ts'),
    [
      '// Generated from proto/ by libs/contracts/generate.mjs. Do not edit.',
      '/** Every proto of the workspace as a google.protobuf.FileDescriptorSet, comments included. */',
      `export const DESCRIPTOR_SET_BASE64 =\n  '${descriptorSet.toString('base64')}';`,
      '/** Where each service is found: the google.api.default_host of its proto. */',
      `export const SERVICE_HOSTS: Readonly<Record<string, { name: string; port: number }>> = ${JSON.stringify(serviceHosts(registry), null, 2)};`,
      '/** A fingerprint of the schema of each message, all that it reaches included, by its full name. */',
      `export const MESSAGE_FINGERPRINTS: Readonly<Record<string, string>> = ${JSON.stringify(messageFingerprints(registry), null, 2)};`,
      '',
    ].join('\n'),
  );
}

// In an installation without development dependencies there is nothing to generate with, and nothing to build either.
if (!existsSync(join(root, 'node_modules/.bin/buf'))) process.exit(0);

const inputs = fingerprint();
const current =
  existsSync(stamp) && folders.every((folder) => existsSync(folder)) && readFileSync(stamp, 'utf8') === inputs;
if (process.argv.includes('--check')) {
  if (!current) {
    console.error('The code generated from proto/ is stale: run `npm run contracts`.');
    process.exit(1);
  }
} else if (!current) {
  generate(inputs);
}
