import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** `0-2,5` as numbers: how Linux writes a set of cores. */
export function parseCoreList(text) {
  return text
    .trim()
    .split(',')
    .flatMap((range) => {
      const [first, last = first] = range.split('-').map(Number);
      return Array.from({ length: last - first + 1 }, (_, index) => first + index);
    });
}

/** The cores that this process may use, where the system tells and can pin; else none. */
function allowedCores() {
  if (process.platform !== 'linux' || spawnSync('taskset', ['--version']).status !== 0) return [];
  return parseCoreList(readFileSync('/proc/self/status', 'utf8').match(/^Cpus_allowed_list:(.*)$/m)[1]);
}

const cores = allowedCores();

/** Whether the server and what loads it have a core each. */
export const PINNED = cores.length >= 2;

/** `command` on the core of `role`, where cores can be told apart. */
export function onCoreOf(role, [command, ...args]) {
  if (!PINNED) return [command, args];
  const core = role === 'server' ? cores.at(-1) : cores[0];
  return ['taskset', ['--cpu-list', String(core), command, ...args]];
}
