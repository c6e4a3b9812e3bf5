import { once } from 'node:events';
import { type AddressInfo, type Server, createServer } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { TestWorkspace } from '../workspace.fixture.js';
import { infrastructure } from './infrastructure.check.js';

let workspace: TestWorkspace;
let server: Server;
let port: number;
beforeEach(async () => {
  workspace = new TestWorkspace();
  server = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  ({ port } = server.address() as AddressInfo);
});
afterEach(() => {
  workspace.remove();
  server.close();
});

it('finds nothing while the servers answer', async () => {
  workspace.write('.env', `THING_SERVICE_DATABASE_URL=postgres://a:b@127.0.0.1:${port}/things\n`);
  const environment = { REDIS_URL: `redis://127.0.0.1:${port}`, NATS_URL: 'memory://platform' };
  expect(await workspace.examine(infrastructure, { environment })).toEqual({ findings: [] });
});

it('says that nothing is named', async () => {
  const { note } = await workspace.examine(infrastructure);
  expect(note).toContain('embedded');
});

it('a server of .env does not answer', async () => {
  server.close();
  workspace.write('.env', `\nREDIS_URL=redis://127.0.0.1:${port}\n`);
  const { findings } = await workspace.examine(infrastructure);
  expect(findings).toMatchObject([
    {
      severity: 'error',
      what: `REDIS_URL: 127.0.0.1:${port} cannot be reached (ECONNREFUSED)`,
      where: '.env:2',
      fix: expect.stringContaining('docker compose up'),
    },
  ]);
});

it('the environment comes before .env', async () => {
  workspace.write('.env', 'NATS_URL=nats://127.0.0.1:1\n');
  const { findings } = await workspace.examine(infrastructure, {
    environment: { NATS_URL: `nats://127.0.0.1:${port}` },
  });
  expect(findings).toEqual([]);
});

it('a URL is none, and its password stays where it is', async () => {
  const environment = { DATABASE_URL: 'postgres//user:secret@localhost' };
  const { findings } = await workspace.examine(infrastructure, { environment });
  expect(findings).toMatchObject([{ what: 'DATABASE_URL is no URL of a server', where: 'environment: DATABASE_URL' }]);
  expect(JSON.stringify(findings)).not.toContain('secret');
});
