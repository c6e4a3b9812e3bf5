import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { onCoreOf } from './cores.mjs';
import { parseLatencies, parseSummary } from './h2load-output.mjs';
import { UNARY_PATH, unaryRequest } from './request.mjs';

const run = promisify(execFile);

/** Connections, and calls at a time on each. */
export const CONNECTIONS = 8;
export const CALLS_EACH = 32;

/** Tells how to get h2load when it is missing. */
export async function requireH2load() {
  try {
    await run('h2load', ['--version']);
  } catch {
    throw new Error(
      'h2load is missing. It comes with nghttp2: `apt-get install nghttp2-client`, `brew install nghttp2`.',
    );
  }
}

/**
 * Calls GetItem for `seconds` as fast as the server answers.
 * @param folder where temporary files may lie
 */
export function h2load(port, seconds, folder) {
  return load(port, { duration: `${Math.ceil(seconds * 1_000)}ms` }, folder);
}

/** Calls GetItem so many times. @throws when a call fails */
export async function callTimes(port, calls, folder) {
  const { calls: answered } = await load(port, { requests: calls }, folder);
  if (answered !== calls) throw new Error(`${calls - answered} of ${calls} calls failed`);
}

/** GETs `url` for `seconds` by HTTP/1.1, as quickly as so many connections get answers. */
export function getByHttp1(url, seconds, connections, folder) {
  const options = { duration: `${Math.ceil(seconds * 1_000)}ms`, clients: connections };
  return measured([...flagsOf(options), '--h1', url], folder);
}

function load(port, limit, folder) {
  const body = join(folder, 'request.bin');
  writeFileSync(body, unaryRequest());
  const options = { ...limit, clients: CONNECTIONS, 'max-concurrent-streams': CALLS_EACH, data: body };
  const headers = ['content-type: application/grpc', 'te: trailers'].flatMap((header) => ['--header', header]);
  return measured([...flagsOf(options), ...headers, `http://127.0.0.1:${port}${UNARY_PATH}`], folder);
}

const flagsOf = (options) => Object.entries(options).map(([name, value]) => `--${name}=${value}`);

async function measured(request, folder) {
  const log = join(folder, 'h2load.log');
  writeFileSync(log, '');
  const [command, args] = onCoreOf('load', ['h2load', `--log-file=${log}`, ...request]);
  const { stdout } = await run(command, args, { maxBuffer: 64 * 1024 * 1024 });
  return { ...parseSummary(stdout), ...parseLatencies(readFileSync(log, 'utf8')) };
}
