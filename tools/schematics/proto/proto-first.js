import { format, resolveConfig } from 'prettier';
import { join } from 'node:path';
import { loadPackage } from './descriptors.js';
import { dtoFile } from './dto-file.js';
import { Dtos } from './dtos.js';
import { controllerFile, nameServices, providerFile } from './service-files.js';
import { specFile } from './spec-file.js';

/**
 * The sources of a service whose proto is there already: for each service of its package a controller with a handler per
 * RPC, a provider that implements none of them yet and a spec, and the DTO classes of what the RPCs take.
 *
 * @param {object} about
 * @param {string} about.root the workspace
 * @param {string} about.domain the folder in proto/: `payment` for package payment.v1
 * @param {string} about.appName the folder in apps/
 * @param {Map<string, string>} [about.changed] what the protos would say instead, by their path
 * @returns {Promise<{
 *   files: Map<string, string>,
 *   services: { name: string, definition: string, controller: string, provider: string, kebab: string }[],
 *   unimplemented: string[],
 * }>} the files by their path in apps/<appName>/src; the classes of `services` are in <kebab>.controller.ts and
 *   <kebab>.service.ts; `unimplemented` has an RPC as `payment.v1.PaymentService/GetPayment`
 * @throws {Error} when the protos do not build, have no service, or have names that no class can have
 */
export async function serviceFilesFromProto({ root, domain, appName, changed }) {
  const pkg = loadPackage(root, `${domain}.v1`, changed);
  const dtos = new Dtos(pkg);
  const named = nameServices(pkg.services);
  const sources = [
    ...[...dtos.byStem()].map(([stem, entries]) => dtoFile(dtos, stem, entries)),
    ...named.flatMap((names) => [controllerFile, providerFile, specFile].map((make) => make(dtos, names))),
  ];
  const folder = join(root, 'apps', appName, 'src');
  const files = new Map();
  for (const source of sources) {
    const path = `${source.stem}.ts`;
    files.set(path, await formatted(join(folder, path), String(source)));
  }
  return {
    files,
    services: named.map(({ service: { name }, controller, provider, kebab }) => {
      return { name, definition: `${name}Definition`, controller, provider, kebab };
    }),
    unimplemented: pkg.services.flatMap(({ typeName, methods }) => methods.map(({ name }) => `${typeName}/${name}`)),
  };
}

/** As the repository's prettier writes it. */
export async function formatted(filepath, source) {
  return format(source, { ...(await resolveConfig(filepath)), filepath });
}
