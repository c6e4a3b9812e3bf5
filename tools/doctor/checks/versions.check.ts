import type { Check, Problem } from '../finding.js';
import type { Packages } from '../workspace/packages.js';
import { lineOf, place } from '../workspace/place.js';
import { BAD_VERSIONS, SINGLE, isAtLeast } from './bad-versions.js';

const OLDEST_NODE = '20.19.0';
const INSTALL = 'Run `npm ci`.';
const RENEW_LOCK = 'Run `npm install`, and commit package-lock.json.';
/** Packages that are named; who sees five of a hundred knows enough. */
const MOST = 5;

/** package.json, package-lock.json and node_modules agree, and nothing in them is known not to work together. */
export const versions: Check = {
  name: 'versions',
  promise: 'Node.js and the packages are ones that work together, and are what package-lock.json says',
  run: ({ packages, surroundings: { node } }) => ({
    problems: [
      ...ofNode(node),
      ...ofKnownBad(packages, node),
      ...ofLock(packages),
      ...ofIndirect(packages),
      ...ofCopies(packages),
    ],
  }),
};

function ofNode(node: string): Problem[] {
  if (isAtLeast(node, OLDEST_NODE)) return [];
  const what = `Node.js ${node} is older than ${OLDEST_NODE}`;
  return [{ severity: 'error', what, fix: `Install Node.js ${OLDEST_NODE} or newer.` }];
}

/** What is installed counts, or what would be: a range of package.json says less. */
function versionOf(name: string, { asked, locked, installed }: Packages): string {
  return (
    installed(`node_modules/${name}`) ??
    locked?.[`node_modules/${name}`]?.version ??
    asked[name]!.replace(/^[^\d]*/, '')
  );
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
  const gone = Object.keys(root).filter((name) => !(name in asked));
  const ofGone = gone.map((name): Problem => {
    const what = `package-lock.json has ${name} for package.json, which does not ask for it`;
    return { severity: 'error', what, where: 'package.json', fix: RENEW_LOCK };
  });
  const ofAsked = Object.entries(asked).flatMap(([name, range]): Problem[] => {
    const where = askedAt(name, packages);
    const entry = locked[`node_modules/${name}`];
    if (root[name] !== range || !entry) {
      const what = `package.json asks for ${name} ${range}, package-lock.json for ${root[name] ?? 'none'}`;
      return [{ severity: 'error', what, where, fix: RENEW_LOCK }];
    }
    const there = installed(`node_modules/${name}`);
    if (entry.link || there === entry.version) return [];
    const what = `${name} ${entry.version} is locked, ${there ?? 'none'} is installed`;
    return [{ severity: 'error', what, where, fix: INSTALL }];
  });
  return [...ofGone, ...ofAsked];
}

/** What package.json does not name: packages of packages. There are hundreds, so they are one finding. */
function ofIndirect({ asked, locked = {}, installed }: Packages): Problem[] {
  const others = Object.entries(locked).filter(
    ([path, { link, optional }]) =>
      path.includes('node_modules/') && !link && !optional && !(path.replace('node_modules/', '') in asked),
  );
  const lines = others.flatMap(([path, { version }]) => {
    const there = installed(path);
    return there === version ? [] : [`${path}: ${version} is locked, ${there ?? 'none'} is installed`];
  });
  if (lines.length === 0) return [];
  const shown = lines.length > MOST ? [...lines.slice(0, MOST), `and ${lines.length - MOST} more`] : lines;
  const what = ['packages of packages are not the ones of package-lock.json', ...shown].join('\n');
  return [{ severity: 'error', what, where: 'node_modules', fix: INSTALL }];
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
