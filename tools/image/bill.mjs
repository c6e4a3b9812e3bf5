// The software bill of materials of an app, by npm.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../setup/prepare.mjs';
import { packagesOf } from './packages.mjs';

/**
 * What `npm sbom` says of the npm packages that an app runs with; of all production dependencies without an app.
 * @returns a document in CycloneDX 1.5
 * @throws Error in npm's words, for example when node_modules is not what package-lock.json says
 */
export function bill(app) {
  const document = JSON.parse(npmSbom());
  if (!app) return document;
  const { inside, beside } = packagesOf(app);
  const used = new Set([...inside, ...beside].map(reference));
  const { component } = document.metadata;
  const direct = document.dependencies.find(({ ref }) => ref === component['bom-ref']);
  used.add(direct.ref);
  document.metadata.component = { ...component, type: 'application', name: app };
  document.components = document.components.filter((one) => used.has(one['bom-ref']));
  document.dependencies = document.dependencies
    .filter(({ ref }) => used.has(ref))
    .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter((other) => used.has(other)) }));
  return document;
}

/** Name, version and licence of each package of a bill, sorted by name. */
export function licences(document) {
  return document.components
    .map(({ group, name, version, licenses = [] }) => ({
      package: group ? `${group}/${name}` : name,
      version,
      licence: licenses.map(({ license, expression }) => expression ?? license.id ?? license.name).join(', ') || 'unknown',
    }))
    .sort((a, b) => a.package.localeCompare(b.package));
}

function npmSbom() {
  const words = ['sbom', '--omit=dev', '--sbom-format=cyclonedx', '--sbom-type=application'];
  return execFileSync('npm', words, {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    stdio: ['ignore', 'pipe', 2],
    shell: process.platform === 'win32',
  });
}

/** How npm refers to a package in a bill. */
function reference(folder) {
  const { name, version } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
  return `${name}@${version}`;
}
