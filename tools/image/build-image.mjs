// Builds the image of an app with any engine.
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../setup/prepare.mjs';

/**
 * Builds the image of an app, and prints what the engine prints.
 * @param base a Node image in place of the one that the Dockerfile names
 * @param more options for the engine's `build`
 * @returns the exit code of the engine
 */
export function buildImage({ engine, app, tag = `rookery/${app}`, base, more = [] }) {
  const { status, error } = spawnSync(engine, buildArguments({ engine, app, tag, base, more, ...origin() }), {
    cwd: root,
    stdio: 'inherit',
  });
  if (error) throw error;
  return status ?? 1;
}

/** Only Docker's image format keeps a HEALTHCHECK, and buildah alone keeps no layers for the next build unless it is told to. */
const OPTIONS = { docker: [], podman: ['--format=docker'], buildah: ['--format=docker', '--layers'] };

/** The words after the engine's name. */
export function buildArguments({ engine, app, tag, base, version, revision, more }) {
  const values = { APP: app, VERSION: version, REVISION: revision, ...(base ? { NODE_IMAGE: base } : {}) };
  return [
    'build',
    ...OPTIONS[engine],
    ...Object.entries(values).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`]),
    '--tag',
    tag,
    ...more,
    '.',
  ];
}

/** What the labels say: the version of package.json and the commit, `-dirty` with changes on top. */
function origin() {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  try {
    const words = ['describe', '--always', '--dirty', '--abbrev=40', '--exclude=*'];
    const revision = execFileSync('git', words, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    return { version, revision: revision.trim() };
  } catch {
    return { version, revision: '' }; // an archive of the sources, without history
  }
}
