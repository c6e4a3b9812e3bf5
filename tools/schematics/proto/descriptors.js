import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createFileRegistry, fromBinary, getOption } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';

/** google/api/field_behavior.proto */
const BEHAVIOR = { REQUIRED: 2, OUTPUT_ONLY: 3 };

/**
 * The protos of a package as they are on disk, comments included, and what Google's annotations say of them.
 * @param {string} root the workspace
 * @param {string} packageName such as `payment.v1`
 * @param {Map<string, string>} [changed] what the protos would say instead, by their path in the workspace
 * @throws {Error} when buf refuses the protos, or the package has no service
 */
export function loadPackage(root, packageName, changed) {
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, build(root, changed)));
  const files = [...registry.files].filter(({ proto }) => proto.package === packageName);
  const services = files.flatMap((file) => file.services);
  if (services.length === 0) throw new Error(`No proto of package ${packageName} has a service.`);
  const behavior = registry.getExtension('google.api.field_behavior');
  const http = registry.getExtension('google.api.http');
  const behaves = (field, wanted) => behavior !== undefined && getOption(field, behavior).includes(wanted);
  return {
    files,
    services,
    isRequired: (field) => behaves(field, BEHAVIOR.REQUIRED),
    isOutputOnly: (field) => behaves(field, BEHAVIOR.OUTPUT_ONLY),
    /** `payment.id` of `/v1/payments/{payment.id}`: nobody calls a method without what is in its path. */
    pathFields: (method) => (http === undefined ? [] : variablesOf(getOption(method, http).pattern.value)),
  };
}

/** What `buf build` reads. */
const SOURCES = ['buf.yaml', 'proto', 'libs/contracts/third_party'];

function build(root, changed) {
  if (!changed) return buildIn(root, root);
  const folder = mkdtempSync(join(tmpdir(), 'rookery-protos-'));
  try {
    for (const path of SOURCES) cpSync(join(root, path), join(folder, path), { recursive: true });
    for (const [path, text] of changed) writeFileSync(join(folder, path), text);
    return buildIn(folder, root);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function buildIn(folder, root) {
  const buf = join(root, 'node_modules/.bin/buf');
  try {
    return execFileSync(process.execPath, [buf, 'build', '-o', '-#format=binpb'], {
      cwd: folder,
      maxBuffer: 64 * 1024 * 1024,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  } catch (error) {
    throw new Error(`The protos do not build:\n${error.stderr}`, { cause: error });
  }
}

function variablesOf(pattern) {
  const path = typeof pattern === 'object' ? pattern.path : pattern;
  return [...String(path ?? '').matchAll(/\{([\w.]+)/g)].map(([, variable]) => variable);
}
