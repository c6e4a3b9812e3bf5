import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

const USAGE = `npm run chaos -- [options]: everything is killed under a load of orders, and NATS stays away for a while
  --minutes N          how long, more than 1.5 and 10 by default
  --seed N             the victims and pauses of an earlier run, which printed it; random by default
  --outage-seconds N   how long NATS is away in the second part, 60 by default
  --logs DIR           keeps what the services print in files there
Exit code 1 when an order or a notification was lost or made twice.`;

const SPECS = ['test/chaos/exactly-once.spec.ts', 'test/chaos/nats-outage.spec.ts'];

function fail(message: string): never {
  console.error(`${message}\n\n${USAGE}`);
  process.exit(64);
}

function number(name: string, text: string, { above }: { above: number }): string {
  const value = Number(text);
  return text !== '' && Number.isFinite(value) && value > above
    ? text
    : fail(`--${name} takes a number above ${above}, not "${text}"`);
}

function folder(path: string): string {
  mkdirSync(path, { recursive: true });
  return resolve(path);
}

function read(): Record<string, string> {
  try {
    const { values } = parseArgs({
      options: {
        minutes: { type: 'string', default: '10' },
        seed: { type: 'string' },
        'outage-seconds': { type: 'string', default: '60' },
        logs: { type: 'string' },
      },
    });
    return {
      CHAOS_MINUTES: number('minutes', values.minutes, { above: 1.5 }),
      CHAOS_OUTAGE_SECONDS: number('outage-seconds', values['outage-seconds'], { above: 0 }),
      ...(values.seed === undefined ? {} : { CHAOS_SEED: number('seed', values.seed, { above: -1 }) }),
      ...(values.logs === undefined ? {} : { TEST_LOGS_DIR: folder(values.logs) }),
    };
  } catch (error) {
    fail((error as Error).message);
  }
}

// The same specs as in the test suite, for longer: one program says what must hold.
const root = join(import.meta.dirname, '../..');
const vitest = [join(root, 'node_modules/vitest/vitest.mjs'), 'run', '--project', 'chaos', ...SPECS];
const child = spawn(process.execPath, vitest, { cwd: root, stdio: 'inherit', env: { ...process.env, ...read() } });
child.once('exit', (code) => (process.exitCode = code ?? 1));
// Ctrl-C reaches vitest as well, which stops what it has started.
process.on('SIGINT', () => {});
