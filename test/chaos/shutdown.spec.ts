import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { ServiceClient } from '@rookery/contracts';
import { freePort } from '@rookery/embedded';
import { type CallOptions, createGrpcClient } from '@rookery/grpc';
import { afterEach, beforeAll, expect, it } from 'vitest';
import { AppProcess } from '../app-process.js';
import { LIST_LENGTH, ReplicaServiceDefinition } from './replica/replica.service.js';

const ROOT = join(import.meta.dirname, '../..');
const BUNDLE = join(ROOT, 'dist/test/chaos/replica/main.js');
const CALLERS_PER_KIND = 16;

type Client = ServiceClient<typeof ReplicaServiceDefinition, CallOptions>;

const running: AppProcess[] = [];
const closers: (() => void)[] = [];

beforeAll(() => {
  const nest = [join(ROOT, 'node_modules/.bin/nest'), 'build', '--config', 'test/chaos/replica/nest-cli.json'];
  const { status, stderr } = spawnSync(process.execPath, [...nest, 'replica'], { cwd: ROOT, encoding: 'utf8' });
  expect(status, stderr).toBe(0);
});
afterEach(async () => {
  for (const close of closers.splice(0)) close();
  await Promise.all(running.splice(0).map((replica) => replica.kill()));
});

/** A replica in a process of its own. @returns it and the address of its gRPC server */
async function startReplica(): Promise<{ replica: AppProcess; target: string }> {
  const [grpc, http] = [await freePort(), await freePort()];
  const environment = {
    NODE_ENV: 'test',
    LOG_LEVEL: 'warn',
    LOG_FORMAT: 'json',
    GRPC_PORT: String(grpc),
    HTTP_PORT: String(http),
    SHUTDOWN_DRAIN: '500ms',
  };
  const ready = `http://127.0.0.1:${http}/health/ready`;
  const replica = await AppProcess.start('replica', environment, ready, BUNDLE);
  running.push(replica);
  return { replica, target: `127.0.0.1:${grpc}` };
}

/** Calls without pause until it is stopped. */
class Callers {
  done = 0;
  /** Names of the processes that have answered. */
  readonly answeredBy = new Set<string>();
  readonly failures: unknown[] = [];
  private stopped = false;
  private readonly loops: Promise<void>[];

  /** @param call makes one call. @returns the name of who answered it */
  constructor(call: () => Promise<string>) {
    this.loops = Array.from({ length: CALLERS_PER_KIND }, () => this.loop(call));
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await Promise.all(this.loops);
  }

  private async loop(call: () => Promise<string>): Promise<void> {
    while (!this.stopped) {
      try {
        this.answeredBy.add(await call());
        this.done += 1;
      } catch (error) {
        this.failures.push(error);
      }
    }
  }
}

async function lastOf(replies: AsyncIterable<{ name: string }>, expected: number): Promise<string> {
  let [count, name] = [0, ''];
  for await (const reply of replies) [count, name] = [count + 1, reply.name];
  if (count !== expected) throw new Error(`got ${count} messages instead of ${expected}`);
  return name;
}

const messages = Array.from({ length: 5 }, (_, index) => ({ id: `m-${index}` }));

const kinds: Record<string, (client: Client) => Promise<string>> = {
  unary: async (client) => (await client.get({ id: 'one' })).name,
  'server streaming': (client) => lastOf(client.list({ id: 'many' }), LIST_LENGTH),
  'client streaming': async (client) => (await client.collect(messages)).name,
  bidi: (client) => lastOf(client.echo(messages), messages.length),
};

it('loses no call of 64 concurrent callers when one of two replicas is told to stop', async () => {
  const [leaving, staying] = await Promise.all([startReplica(), startReplica()]);
  const client = createGrpcClient(ReplicaServiceDefinition, {
    target: `ipv4:${leaving.target},${staying.target}`,
    timeout: 10_000,
  });
  closers.push(() => client.close());
  const callers = Object.entries(kinds).map(([kind, call]) => [kind, new Callers(() => call(client.methods))] as const);
  const both = [leaving, staying].map(({ replica }) => String(replica.pid));
  for (const [kind, { answeredBy }] of callers) {
    await expect.poll(() => both.every((name) => answeredBy.has(name)), { message: kind }).toBe(true);
  }

  expect(await leaving.replica.end('SIGTERM'), leaving.replica.output).toBe(0);
  const sinceThen = callers.map(([, { done }]) => done);
  for (const [index, [kind, caller]] of callers.entries()) {
    await expect.poll(() => caller.done - sinceThen[index]!, { message: kind }).toBeGreaterThan(CALLERS_PER_KIND);
  }
  await Promise.all(callers.map(([, caller]) => caller.stop()));

  expect(Object.fromEntries(callers.map(([kind, { failures }]) => [kind, failures]))).toEqual({
    unary: [],
    'server streaming': [],
    'client streaming': [],
    bidi: [],
  });
});
