import type { Check, Problem } from '../finding.js';
import type { Packages } from '../workspace/packages.js';
import { lineOf, place } from '../workspace/place.js';
import { BAD_VERSIONS, SINGLE, isAtLeast } from './bad-versions.js';

const OLDEST_NODE = '20.19.0';

/** package.json, package-lock.json and node_modules agree, and nothing in them is known not to work together. */
export const versions: Check = {
  name: 'versions',
  promise: 'Node.js and the packages are ones that work together, and are what package-lock.json says',
  run: ({ packages, surroundings: { node } }) => ({
    problems: [...ofNode(node), ...ofKnownBad(packages, node), ...ofLock(packages), ...ofCopies(packages)],
  }),
};

function ofNode(node: string): Problem[] {
  if (isAtLeast(node, OLDEST_NODE)) return [];
  const what = `Node.js ${node} is older than ${OLDEST_NODE}`;
  return [{ severity: 'error', what, fix: `Install Node.js ${OLDEST_NODE} or newer.` }];
}

/** What is installed counts, or what would be: a range of package.json says less. */
function versionOf(name: string, { asked, locked, installed }: Packages): string {
  return installed(name) ?? locked?.[`node_modules/${name}`]?.version ?? asked[name]!.replace(/^[^\d]*/, '');
}

function ofKnownBad(packages: Packages, node: string): Problem[] {
  return Object.keys(packages.asked).flatMap((name) => {
    const version = versionOf(name, packages);
    return BAD_VERSIONS.filter((bad) => bad.name === name && bad.when(version, node)).map(({ why, fix }) => ({
      severity: 'error' as const,
      what: `${name} ${version}: ${why}`,
      where: askedAt(name, packages),
      fix,
    }));
  });
}

function ofLock(packages: Packages): Problem[] {
  const { asked, locked, installed } = packages;
  if (!locked) {
    return [{ severity: 'error', what: 'there is no package-lock.json', fix: 'Run `npm install`, and commit it.' }];
  }
  const root = { ...locked['']?.dependencies, ...locked['']?.devDependencies };
  return Object.entries(asked).flatMap(([name, range]): Problem[] => {
    const where = askedAt(name, packages);
    const entry = locked[`node_modules/${name}`];
    if (root[name] !== range || !entry) {
      const what = `package.json asks for ${name} ${range}, package-lock.json for ${root[name] ?? 'none'}`;
      return [{ severity: 'error', what, where, fix: 'Run `npm install`, and commit package-lock.json.' }];
    }
    const there = installed(name);
    if (entry.link || there === entry.version) return [];
    const what = `${name} ${entry.version} is locked, ${there ?? 'none'} is installed`;
    return [{ severity: 'error', what, where, fix: 'Run `npm ci`.' }];
  });
}

/** Two copies of a package that tells its own objects apart do not know each other's. */
function ofCopies({ locked = {} }: Packages): Problem[] {
  return SINGLE.flatMap((name): Problem[] => {
    const copies = Object.keys(locked).filter((path) => path.endsWith(`/node_modules/${name}`));
    if (copies.length === 0) return [];
    const what = `${name} is installed twice, also in ${copies.join(', ')}`;
    return [{ severity: 'error', what, where: 'package-lock.json', fix: `Pin one version: \`npm explain ${name}\`.` }];
  });
}

function askedAt(name: string, { text }: Packages): string {
  return place('package.json', lineOf(text, `"${name}":`));
}
