import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { TestWorkspace } from '../workspace.fixture.js';
import { ports } from './ports.check.js';

// A process of buf is started: with half a core, seconds.
vi.setConfig({ testTimeout: 30_000 });

const MODULE = 'apps/thing-service/src/thing-service.module.ts';
const COMPOSE = 'docker-compose.yml';
const PROTO = 'proto/thing/v1/thing.proto';

let workspace: TestWorkspace;
beforeEach(() => void (workspace = new TestWorkspace()));
afterEach(() => workspace.remove());

it('finds nothing where all is well', async () => {
  expect(await workspace.examine(ports)).toEqual({ findings: [] });
});

it.each([
  ['the gateway', '3000', 'gateway (HTTP)'],
  ['a server of compose', '5432', 'postgres of compose'],
])('a service has the port of %s', async (_, port, who) => {
  workspace.edit(MODULE, '8081', port);
  const { findings } = await workspace.examine(ports);
  const what = expect.stringMatching(new RegExp(`port ${port} .*thing-service \\(HTTP\\)`));
  expect(findings).toMatchObject([{ severity: 'error', what, fix: `Give ${who} a port that is free.` }]);
});

it('a server of compose has the port of a service', async () => {
  workspace.edit(COMPOSE, "'127.0.0.1:5432:5432'", '{ target: 5432, published: 8081 }');
  const { findings } = await workspace.examine(ports);
  const fix = 'Give postgres of compose a port that is free.';
  expect(findings).toMatchObject([{ severity: 'error', where: `${COMPOSE}:5`, fix }]);
});

it('compose publishes an app where it listens', async () => {
  workspace.edit(COMPOSE, 'services:\n', "services:\n  gateway:\n    ports: ['127.0.0.1:3000:3000']\n");
  expect((await workspace.examine(ports)).findings).toEqual([]);
});

it('publishes no port that compose chooses, or none', async () => {
  workspace.edit(COMPOSE, "'127.0.0.1:5432:5432'", "8081, '8081'");
  workspace.edit(COMPOSE, 'services:\n', 'services:\n  redis:\n  nats:\n    ports:\n');
  expect((await workspace.examine(ports)).findings).toEqual([]);
});

it('.env gives a service the port of the gateway', async () => {
  workspace.write('.env', '# ports\nTHING_SERVICE_HTTP_PORT=3000\n');
  const { findings } = await workspace.examine(ports);
  expect(findings).toMatchObject([
    { what: expect.stringContaining('port 3000 is that of thing-service (HTTP) (.env:2)') },
  ]);
});

it('.env gives a port to nobody', async () => {
  workspace.write('.env', 'GRPC_PORT=50060\n');
  const { findings } = await workspace.examine(ports);
  const fix = 'Say whose it is, as in USER_SERVICE_GRPC_PORT.';
  expect(findings).toMatchObject([{ severity: 'warning', where: '.env:1', fix }]);
});

it('the proto has another port than the module', async () => {
  workspace.edit(PROTO, '50051', '50052');
  const { findings } = await workspace.examine(ports);
  expect(findings).toMatchObject([
    {
      severity: 'error',
      what: `thing.v1.ThingService is at port 50052, and thing-service listens on 50051 (${MODULE}:10)`,
      where: `${PROTO}:4`,
      fix: 'Write "thing-service:50051", or change the module.',
    },
  ]);
});

it('the proto names an app that is not there', async () => {
  workspace.edit(PROTO, 'thing-service:', 'thong-service:');
  const { findings } = await workspace.examine(ports);
  expect(findings).toMatchObject([
    { severity: 'warning', fix: expect.stringContaining('npx nest g app thong-service') },
  ]);
});

it('the proto does not say where the service is', async () => {
  workspace.edit(PROTO, 'option (google.api.default_host) = "thing-service:50051";', '');
  const { findings } = await workspace.examine(ports);
  expect(findings).toMatchObject([{ severity: 'warning', fix: expect.stringContaining('google.api.default_host') }]);
});
