// `node tools/image/pack.mjs <app> <folder>`: what an app that is built runs with, and nothing else, into a new folder.
// A stage of the Dockerfile; works on a developer's machine as well.
import { cpSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { bundleOf } from '../setup/build.mjs';
import { root } from '../setup/prepare.mjs';
import { packagesOf, requireApp } from './packages.mjs';
import { bill } from './bill.mjs';

/** Half of what the packages weigh: sources and types, maps, and TypeORM for browsers. */
const NOT_RUN = /\.[cm]?ts$|\.map$|\/typeorm\/browser$/;

const [app, folder] = process.argv.slice(2);
requireApp(app, 'usage: node tools/image/pack.mjs <app> <folder>');

cpSync(dirname(bundleOf(app)), folder, { recursive: true });
for (const name of packagesOf(app).beside) {
  const own = join(root, name);
  const nested = join(own, 'node_modules'); // each of those that are needed is in the list itself
  cpSync(own, join(folder, name), {
    recursive: true,
    filter: (file) => file !== nested && !NOT_RUN.test(`/${relative(root, file)}`),
  });
}
// Scanners of images read files of this name: they cannot see into a bundle.
writeFileSync(join(folder, 'sbom.cdx.json'), `${JSON.stringify(bill(app), null, 2)}\n`);
