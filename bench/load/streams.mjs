import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { onCoreOf } from './cores.mjs';

const CLIENT = fileURLToPath(new URL('stream-client.mjs', import.meta.url));

/** Connections, streams at a time on each, messages that a stream brings. */
export const CONNECTIONS = 4;
export const STREAMS_EACH = 2;
export const MESSAGES_EACH = 1_000;

/** Reads streams for `seconds`, as fast as the server sends. @throws when one ends wrong */
export async function readStreams(port, seconds) {
  const [command, args] = onCoreOf('load', [process.execPath, CLIENT, String(port), String(seconds)]);
  const { stdout } = await promisify(execFile)(command, args);
  return JSON.parse(stdout);
}
