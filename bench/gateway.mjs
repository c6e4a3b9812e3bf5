// What a REST request costs the gateway: `npm run --prefix bench gateway`. See README.md.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { bundleOf, buildApps } from '../tools/setup/build.mjs';
import { conditions } from './data/conditions.mjs';
import { prepare } from './prepare.mjs';
import { onCoreOf } from './load/cores.mjs';
import { spread } from './report/statistics.mjs';
import { NODE_FLAGS } from './servers/start-server.mjs';

const CONNECTIONS = 64;
const ROUNDS = 10;
const SECONDS = 2;
/** Seconds, until V8 has come to its fastest code. */
const WARMUP = 10;

await prepare([]);
buildApps(['gateway', 'user-service']);
const { register } = await import('tsx/esm/api');
register({ tsconfig: join(import.meta.dirname, '../tsconfig.json') });
const [{ startServers }, { freePort }, { getByHttp1, requireH2load }, { publishFigures }] = await Promise.all([
  import('../tools/infra/index.ts'),
  import('@rookery/embedded'),
  import('./load/h2load.mjs'),
  import('./report/publish.mjs'),
]);
await requireH2load();

const folder = mkdtempSync(join(tmpdir(), 'bench-gateway-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

/** Runs an app on the core of `role` until `url` answers. */
async function start(app, role, environment, url) {
  const [command, args] = onCoreOf(role, [process.execPath, ...NODE_FLAGS, bundleOf(app)]);
  const env = {
    PATH: process.env.PATH,
    NODE_ENV: 'production',
    LOG_FORMAT: 'json',
    SHUTDOWN_DRAIN: '0s',
    ...environment,
  };
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'inherit'], env });
  process.once('exit', () => child.kill('SIGKILL'));
  while (
    !(await fetch(url).then(
      ({ ok }) => ok,
      () => false,
    ))
  ) {
    if (child.exitCode !== null) throw new Error(`${app} ended with exit code ${child.exitCode}`);
    await sleep(50);
  }
  return async () => {
    const exit = once(child, 'exit');
    child.kill();
    await exit;
  };
}

const infra = await startServers({ dir: join(folder, 'infra'), env: { PATH: process.env.PATH } });
const [grpc, probes, rest] = [await freePort(), await freePort(), await freePort()];
const gateway = `http://127.0.0.1:${rest}`;
const service = {
  GRPC_HOST: '127.0.0.1',
  GRPC_PORT: String(grpc),
  HTTP_PORT: String(probes),
  DATABASE_URL: infra.databaseUrl,
  REDIS_URL: infra.redisUrl,
  NATS_URL: infra.natsUrl,
};
const stops = [
  await start('user-service', 'load', service, `http://127.0.0.1:${probes}/health/ready`),
  await start(
    'gateway',
    'server',
    { HTTP_HOST: '127.0.0.1', HTTP_PORT: String(rest), USER_SERVICE_URL: `127.0.0.1:${grpc}` },
    `${gateway}/health/live`,
  ),
];

/** CPU seconds that the gateway has spent. */
async function cpuSeconds() {
  const metrics = await (await fetch(`${gateway}/metrics`)).text();
  return Number(/^process_cpu_seconds_total (\S+)/m.exec(metrics)[1]);
}

const created = await fetch(`${gateway}/v1/users`, {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ email: 'ada@example.com', name: 'Ada' }),
});
if (created.status !== 201) throw new Error(`the gateway answered ${created.status}: ${await created.text()}`);
const url = `${gateway}/v1/users/${(await created.json()).id}`;

await getByHttp1(url, WARMUP, CONNECTIONS, folder);
const rounds = [];
for (let round = 0; round < ROUNDS; round += 1) {
  const before = await cpuSeconds();
  const { calls, perSecond, p50, p99 } = await getByHttp1(url, SECONDS, CONNECTIONS, folder);
  const spent = (await cpuSeconds()) - before;
  rounds.push({ perCpuSecond: calls / spent, perSecond, busy: spent / SECONDS, p50, p99 });
  console.error(`${perSecond.toFixed(0)} requests/s, ${(calls / spent).toFixed(0)} in a CPU second`);
}
for (const stop of stops.toReversed()) await stop();
await infra.stop();

const figures = Object.fromEntries(
  Object.keys(rounds[0]).map((name) => [name, spread(rounds.map((round) => round[name]))]),
);
const whole = ({ median, low, high }) =>
  `${Math.round(median).toLocaleString('en-US')} (${Math.round(low).toLocaleString('en-US')}–${Math.round(high).toLocaleString('en-US')})`;
const { node, cpu, cores } = conditions();
const markdown = [
  `Node.js ${node}, ${cpu}, ${cores} cores; medians of ${ROUNDS} rounds of ${SECONDS} s, ${CONNECTIONS} connections, and where the middle half lies.`,
  '',
  `- ${whole(figures.perCpuSecond)} requests in a second of the gateway's CPU`,
  `- ${whole(figures.perSecond)} requests a second while the gateway had ${Math.round(figures.busy.median * 100)} % of its core to do; p50 ${figures.p50.median.toFixed(1)} ms, p99 ${figures.p99.median.toFixed(1)} ms`,
].join('\n');
console.log(markdown);
await publishFigures('gateway', {
  report: { measured: new Date().toISOString(), conditions: conditions(), figures, rounds },
  markdown,
});
