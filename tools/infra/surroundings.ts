import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import type { Surroundings } from './preference.js';
import type { ServerKind } from './server-kind.js';

// Where servers are installed that an ordinary user's PATH often lacks.
const USUAL_FOLDERS = ['/usr/local/bin', '/usr/bin', '/usr/local/sbin', '/usr/sbin', '/opt/homebrew/bin'];
const DOCKER_ANSWER = 10_000;

/** Looks around for one kind of server; no further than needed. */
export async function lookAround(kind: ServerKind, env: NodeJS.ProcessEnv): Promise<Surroundings> {
  const url = env[kind.variable];
  if (url) return { url, apt: false, docker: false };
  const program = await findProgram(kind.programs, env);
  if (program) return { program, apt: false, docker: false };
  const apt = process.platform === 'linux' && (await findProgram(['apt-get'], env)) !== undefined;
  return { apt, docker: await dockerAnswers(env) };
}

/** The first of these programs that this user can run. */
export async function findProgram(names: readonly string[], env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const folders = [...(env.PATH ?? '').split(delimiter).filter(Boolean), ...USUAL_FOLDERS];
  for (const file of names.flatMap((name) => folders.map((folder) => join(folder, name)))) {
    const runs = await access(file, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (runs) return file;
  }
  return undefined;
}

function dockerAnswers(env: NodeJS.ProcessEnv): Promise<boolean> {
  return new Promise((resolve) => {
    execFile('docker', ['version', '--format', '{{.Server.Version}}'], { env, timeout: DOCKER_ANSWER }, (error) =>
      resolve(error === null),
    );
  });
}
