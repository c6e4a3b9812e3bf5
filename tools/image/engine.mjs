// Which program builds and runs containers here.
import { spawnSync } from 'node:child_process';

/** In the order in which they are looked for. All three build a Dockerfile; only the first two run what they built. */
export const ENGINES = ['docker', 'podman', 'buildah'];

/**
 * The engine to use: the wanted one, else the first that answers.
 * @param complaint why an engine does not work, undefined when it does
 * @throws Error that says what was tried and what to install
 */
export function chooseEngine({ wanted, from = ENGINES, complaint = complaintOf } = {}) {
  const tried = [];
  for (const engine of wanted ? [wanted] : from) {
    const reason = complaint(engine);
    if (reason === undefined) return engine;
    tried.push(`  - ${engine}: ${reason}`);
  }
  throw new Error(
    `No container engine works here. What was tried:\n${tried.join('\n')}\n` +
      'Start Docker, or install an engine (Debian: apt-get install podman; macOS: brew install podman).',
  );
}

/** An engine is installed without its service at times: it has to answer. */
function complaintOf(engine) {
  const { error, status, stderr } = spawnSync(engine, ['version'], { encoding: 'utf8' });
  if (error) return error.code === 'ENOENT' ? 'not installed' : error.message;
  return status === 0 ? undefined : stderr.trim().split('\n').at(-1);
}
