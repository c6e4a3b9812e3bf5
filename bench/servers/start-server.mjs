import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { onCoreOf } from '../load/cores.mjs';

/** The same for every server: short-lived objects of many calls fit into a young generation of this many megabytes. */
export const NODE_FLAGS = ['--max-semi-space-size=64'];

const ENVIRONMENT = {
  PATH: process.env.PATH,
  NODE_ENV: 'production',
  GRPC_HOST: '127.0.0.1',
  GRPC_PORT: '0',
  HTTP_PORT: '0',
  LOG_LEVEL: 'info',
  LOG_FORMAT: 'json',
};

/**
 * Runs a server in a process of its own, on its core; what it logs goes to a file.
 * @param {{ name: string, path: string, environment?: Record<string, string>, role?: 'server' | 'load' }} server its
 *   variables beside those that all have; the core it runs on, by who else does
 * @param {string} folder where temporary files may lie
 */
export async function startServer({ name, path, environment = {}, role = 'server' }, folder) {
  const [command, args] = onCoreOf(role, [process.execPath, ...NODE_FLAGS, path]);
  const log = openSync(join(folder, 'server.log'), 'w');
  const child = spawn(command, args, {
    stdio: ['ignore', log, 'inherit', 'ipc'],
    env: { ...ENVIRONMENT, ...environment },
  });
  closeSync(log);
  const ended = new Promise((_, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) =>
      reject(new Error(`The server ${name} ended: ${signal ?? `exit code ${code}`}`)),
    );
  });
  ended.catch(() => {});
  const message = async () => (await Promise.race([once(child, 'message'), ended]))[0];
  const { port } = await message();
  return {
    port,
    /** What the server says to `usage`, `start profile`, `stop profile`, or to a task of its own. */
    ask(question) {
      const answer = message();
      child.send(question);
      return answer;
    },
    /** What `work` gives, unless the server ends before. */
    during: (work) => Promise.race([work, ended]),
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exit = once(child, 'exit');
      child.disconnect();
      await exit;
    },
    kill: () => child.kill('SIGKILL'),
  };
}
