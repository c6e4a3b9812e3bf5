import { join } from 'node:path';
import { unpackDebianPackage } from './debian-packages.js';
import { type DockerRecord, DockerServer } from './docker-server.js';
import { candidates, nothingWorked } from './preference.js';
import { type ProcessRecord, ProcessServer } from './process-server.js';
import { EnvironmentServer } from './server-handle.js';
import type { ServerKind } from './server-kind.js';
import { lookAround } from './surroundings.js';

export type ObtainedServer = EnvironmentServer | ProcessServer | DockerServer;

export interface ObtainOptions {
  dir: string;
  detached: boolean;
  env: NodeJS.ProcessEnv;
  onProgress: (line: string) => void;
  /** What an earlier run left behind. */
  recorded?: ProcessRecord | DockerRecord;
}

/** A server of this kind that answers: the one that runs already, the same mended, or a new one from the best source. */
export async function obtain(kind: ServerKind, options: ObtainOptions): Promise<ObtainedServer> {
  const { dir, detached, env, onProgress } = options;
  const url = env[kind.variable];
  if (!url && options.recorded) {
    const earlier = fromRecord(kind, options.recorded, dir);
    if ((await earlier.isAlive()) || (await mended(earlier, onProgress))) return earlier;
  }
  const found = await lookAround(kind, env);
  const failures: string[] = [];
  for (const candidate of candidates(found)) {
    try {
      if (candidate.provider === 'environment') return new EnvironmentServer(candidate.url, kind.variable);
      if (candidate.provider === 'package') onProgress(`unpacking ${kind.title} from Debian packages (once)`);
      if (candidate.provider === 'docker') onProgress(`starting ${kind.title} in Docker (${kind.image})`);
      const server =
        candidate.provider === 'docker'
          ? await DockerServer.run(kind)
          : new ProcessServer(
              kind,
              candidate.provider,
              candidate.provider === 'path'
                ? { file: candidate.program, environment: {} }
                : await unpackDebianPackage(kind, join(dir, 'packages'), env),
              { dir, detached },
            );
      if (server instanceof ProcessServer) await server.start();
      onProgress(`${kind.title} is ready on ${new URL(server.url).host} (${candidate.provider})`);
      return server;
    } catch (error) {
      failures.push(`${candidate.provider}: ${(error as Error).message.trim()}`);
    }
  }
  throw nothingWorked(kind, found, failures);
}

export function fromRecord(
  kind: ServerKind,
  record: ProcessRecord | DockerRecord,
  dir: string,
): ProcessServer | DockerServer {
  return 'container' in record ? DockerServer.fromRecord(kind, record) : ProcessServer.fromRecord(kind, record, dir);
}

/** A server that died is started again where it was, so that the URLs given out stay right. */
async function mended(server: ProcessServer | DockerServer, onProgress: (line: string) => void): Promise<boolean> {
  try {
    await server.start();
    onProgress(`${server.kind.title} had died and is ready again on ${new URL(server.url).host}`);
    return true;
  } catch {
    return false;
  }
}
