// Builds apps whose sources are newer than their bundles.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './prepare.mjs';

const SOURCES = ['apps', 'libs', 'proto', 'package-lock.json', 'tsconfig.json', 'nest-cli.json', 'rspack.config.js'];

function newest(path) {
  const own = statSync(path);
  if (!own.isDirectory()) return own.mtimeMs;
  return readdirSync(path)
    .filter((name) => !name.endsWith('.spec.ts') && !name.endsWith('.md'))
    .reduce((latest, name) => Math.max(latest, newest(join(path, name))), 0);
}

/** The bundle of an app. */
export function bundleOf(app) {
  return join(root, 'dist/apps', app, 'main.js');
}

/** Builds what is stale, and says so with `say`. Ends the process when a build fails. */
export function buildApps(apps, say = console.log) {
  const latest = Math.max(...SOURCES.map((source) => newest(join(root, source))));
  const stale = apps.filter((app) => !existsSync(bundleOf(app)) || statSync(bundleOf(app)).mtimeMs <= latest);
  if (stale.length === 0) return;
  say(`Building ${stale.join(', ')} …`);
  const nest = join(root, 'node_modules/.bin/nest');
  const { status, stdout } = spawnSync(process.execPath, [nest, 'build', ...stale], {
    cwd: root,
    stdio: ['ignore', 'pipe', 2],
  });
  if (status === 0 && stale.every((app) => existsSync(bundleOf(app)))) return;
  process.stderr.write(stdout);
  process.exit(1);
}
