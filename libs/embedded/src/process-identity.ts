import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';

/**
 * When a process started, as an opaque text; `undefined` when there is no such process (a zombie counts as gone).
 * A pid together with this names one process for good: pids are reused, even across a reboot.
 */
export async function startOf(pid: number): Promise<string | undefined> {
  if (process.platform !== 'linux') return ps('lstart=', pid);
  try {
    const [stat, boot] = await Promise.all([
      readFile(`/proc/${pid}/stat`, 'latin1'),
      readFile('/proc/sys/kernel/random/boot_id', 'latin1').catch(() => ''),
    ]);
    // proc(5): the command may hold spaces and brackets, so count from its last bracket; field 3 is the state, 22 the start.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
    return `${boot.slice(0, 8)}-${fields[19]}`;
  } catch {
    return undefined;
  }
}

/** Whether the process with this pid is still the one that started then. */
export async function isSameProcess(pid: number, start: string): Promise<boolean> {
  return start !== '' && (await startOf(pid)) === start;
}

/** The command line of a process, its arguments joined by spaces; `undefined` when there is no such process. */
export async function commandLineOf(pid: number): Promise<string | undefined> {
  if (process.platform !== 'linux') return ps('command=', pid);
  try {
    const line = await readFile(`/proc/${pid}/cmdline`, 'utf8');
    return line.replaceAll('\0', ' ').trim() || undefined;
  } catch {
    return undefined;
  }
}

function ps(column: string, pid: number): Promise<string | undefined> {
  const options = { env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' } };
  return new Promise((resolve) => {
    execFile('ps', ['-ww', '-o', column, '-p', String(pid)], options, (error, stdout) =>
      resolve(error ? undefined : stdout.trim() || undefined),
    );
  });
}
