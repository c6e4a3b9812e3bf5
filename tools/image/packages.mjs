// Which npm packages an app runs with: those in its bundle, and those beside it in node_modules.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { bundleOf } from '../setup/build.mjs';
import { root } from '../setup/prepare.mjs';

/**
 * Packages of an app that is built, by their folders as package-lock.json names them: `inside` its bundle and `beside`
 * it, with all that these depend on. Optional dependencies (native drivers, mostly) are not among them.
 */
export function packagesOf(app) {
  const { inside, outside } = JSON.parse(readFileSync(join(dirname(bundleOf(app)), 'packages.json'), 'utf8'));
  return { inside, beside: closure(outside.map(nameOf), lockedPackages()) };
}

/** Everything that package.json names in `dependencies`, with what it depends on. */
export function productionPackages() {
  const packages = lockedPackages();
  return closure(Object.keys(packages[''].dependencies), packages);
}

function lockedPackages() {
  return JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
}

/** The folders of these packages and of everything that they depend on, in a lock file's `packages`. */
export function closure(names, packages) {
  const found = new Set();
  const add = (folder) => {
    if (found.has(folder)) return;
    found.add(folder);
    const { dependencies = {}, peerDependencies = {}, peerDependenciesMeta = {} } = packages[folder];
    const peers = Object.keys(peerDependencies).filter((name) => !peerDependenciesMeta[name]?.optional);
    const needed = [...Object.keys(dependencies), ...peers].filter((name) => !name.startsWith('@types/'));
    for (const name of needed) add(resolve(name, folder, packages));
  };
  for (const name of names) add(resolve(name, '', packages));
  return [...found].sort();
}

/** Where Node.js finds `name` from within `folder`: in its own node_modules, else in those above. */
function resolve(name, folder, packages) {
  for (let above = folder; ; above = above.slice(0, Math.max(0, above.lastIndexOf('node_modules/') - 1))) {
    const candidate = `${above === '' ? '' : `${above}/`}node_modules/${name}`;
    if (packages[candidate]) return candidate;
    if (above === '') throw new Error(`${folder || 'a bundle'} needs ${name}, which package-lock.json does not have`);
  }
}

function nameOf(request) {
  return request
    .split('/')
    .slice(0, request.startsWith('@') ? 2 : 1)
    .join('/');
}

/** Refuses what is no app: exit code 64 (EX_USAGE of sysexits.h), with `usage`. */
export function requireApp(app, usage) {
  if (app && /^[a-z0-9-]+$/.test(app) && existsSync(join(root, 'apps', app, 'src/main.ts'))) return;
  console.error(`${app ? `There is no app "${app}" in apps/.` : 'Which app?'}\n\n${usage}`);
  process.exit(64);
}
