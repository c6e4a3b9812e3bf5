// The software bill of materials of an app, by npm.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../setup/prepare.mjs';
import { packagesOf, productionPackages } from './packages.mjs';

/**
 * What `npm sbom` says of the npm packages that an app, which is built, runs with; without an app, of all production
 * dependencies. (npm's own `--omit=dev` leaves out what is a dependency of development too.)
 * @returns a document in CycloneDX 1.5
 * @throws Error when npm refuses, for example because node_modules is not what package-lock.json says
 */
export function bill(app) {
  const { metadata, components, dependencies, ...rest } = JSON.parse(npmSbom());
  const folders = app ? Object.values(packagesOf(app)).flat() : productionPackages();
  const self = metadata.component['bom-ref'];
  const used = new Set([self, ...folders.map(reference)]);
  return {
    ...rest,
    metadata: { ...metadata, component: { ...metadata.component, name: app ?? 'rookery' } },
    components: components.filter((one) => used.has(one['bom-ref'])),
    dependencies: dependencies
      .filter(({ ref }) => used.has(ref))
      .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter((other) => used.has(other)) })),
  };
}

/** Name, version and license of each package of a bill, sorted by name. */
export function licenses(document) {
  return document.components
    .map(({ group, name, version, licenses = [] }) => ({
      package: group ? `${group}/${name}` : name,
      version,
      license:
        licenses.map(({ license, expression }) => expression ?? license.id ?? license.name).join(', ') || 'unknown',
    }))
    .sort((a, b) => a.package.localeCompare(b.package));
}

function npmSbom() {
  const words = ['sbom', '--sbom-format=cyclonedx', '--sbom-type=application'];
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
