import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { TestWorkspace } from '../workspace.fixture.js';
import { configuration } from './configuration.check.js';

// A process of buf is started: with half a core, seconds.
vi.setConfig({ testTimeout: 30_000 });

const BASE = 'k8s/base/thing-service/kustomization.yaml';
const DEPLOYMENT = 'k8s/base/thing-service/deployment.yaml';
const COMPOSE = 'docker-compose.yml';
const DATABASE_URL = 'DATABASE_URL=postgres://thing_service:secret@postgres:5432/thing_service';

let workspace: TestWorkspace;
beforeEach(() => void (workspace = new TestWorkspace()));
afterEach(() => workspace.remove());

it('finds nothing where all is well', async () => {
  expect(await workspace.examine(configuration)).toEqual({ findings: [] });
});

it('Kubernetes sets a variable that nobody reads', async () => {
  workspace.edit(BASE, 'GRPC_PORT', 'GRPC_PROT');
  const { findings } = await workspace.examine(configuration);
  expect(findings).toMatchObject([
    {
      severity: 'error',
      what: 'thing-service is given GRPC_PROT (overlay dev), which it does not read',
      where: `${BASE}:6`,
      fix: expect.stringContaining('write GRPC_PORT if that was meant'),
    },
  ]);
});

it('Kubernetes lacks what the module requires', async () => {
  workspace.edit(BASE, `      - ${DATABASE_URL}\n`, '');
  const { findings } = await workspace.examine(configuration);
  const what = 'thing-service needs DATABASE_URL in production, and overlay dev does not set it';
  expect(findings).toMatchObject([{ severity: 'error', what, fix: expect.stringContaining('Set DATABASE_URL') }]);
});

it('a URL leads to a port that its server has not', async () => {
  workspace.edit(BASE, 'postgres:5432', 'postgres:5433');
  const { findings } = await workspace.examine(configuration);
  const what = expect.stringContaining('DATABASE_URL leads nowhere: the Service postgres has no port 5433');
  expect(findings).toMatchObject([{ severity: 'error', what, where: `${BASE}:7` }]);
});

it('a container does not listen where its variable says', async () => {
  workspace.edit(BASE, 'GRPC_PORT=50051', 'GRPC_PORT=50052');
  const { findings } = await workspace.examine(configuration);
  const what = expect.stringContaining('GRPC_PORT is 50052, and the container port grpc is 50051');
  expect(findings).toMatchObject([{ severity: 'error', what, where: `${DEPLOYMENT}:12` }]);
});

it('a probe asks a port that is not there, for a service that is not', async () => {
  workspace.edit(DEPLOYMENT, 'port: 50051, service: thing.v1.ThingService', 'port: 50055, service: thing.v1.Thing');
  const { findings } = await workspace.examine(configuration);
  expect(findings).toMatchObject([
    { where: `${DEPLOYMENT}:13`, fix: 'Write one that it has: 50051.' },
    { where: `${DEPLOYMENT}:13`, fix: 'Write thing.v1.ThingService.' },
  ]);
});

it('compose makes no database for a service', async () => {
  workspace.edit(COMPOSE, 'THING_SERVICE_PASSWORD', 'OTHER_SERVICE_PASSWORD');
  const { findings } = await workspace.examine(configuration);
  const fix = 'Add THING_SERVICE_PASSWORD to the environment of postgres.';
  expect(findings).toMatchObject([{ severity: 'error', where: `${COMPOSE}:2`, fix }]);
});

it('compose sets it for several apps at once', async () => {
  const anchor = 'x-environment: &environment\n  NODE_ENV: production\n  CACHE_TLT: 5m\n';
  const app = '  thing-service:\n    environment:\n      <<: *environment\n';
  workspace.edit(COMPOSE, 'services:\n', `${anchor}services:\n${app}`);
  const { findings } = await workspace.examine(configuration);
  expect(findings).toMatchObject([
    { severity: 'error', what: expect.stringContaining('CACHE_TLT'), where: `${COMPOSE}:3` },
  ]);
});

it('compose sets a variable of an app that it does not read', async () => {
  workspace.edit(
    COMPOSE,
    'services:\n',
    'services:\n  thing-service:\n    environment: [NODE_ENV=production, CACHE_TLT=5m]\n',
  );
  const { findings } = await workspace.examine(configuration);
  expect(findings).toMatchObject([
    { severity: 'error', what: expect.stringContaining('CACHE_TLT'), where: `${COMPOSE}:3` },
  ]);
});

it('.env sets what nobody reads, and what somebody does', async () => {
  workspace.write('.env', 'NODE_ENV=test\nTHING_SERVICE_GRPC_PORT=50061\nTHING_SERVICE_URL=x\nLOG_LEVLE=debug\n');
  const { findings } = await workspace.examine(configuration);
  expect(findings).toMatchObject([{ severity: 'warning', what: 'nothing reads LOG_LEVLE of .env', where: '.env:4' }]);
});

it.each([
  ['is empty', BASE, '', `${BASE}: this is no kustomization`],
  ['is no YAML', BASE, 'resources: {', `${BASE}: Flow map`],
  ['is no YAML', DEPLOYMENT, 'kind: {Deployment', `${DEPLOYMENT}: Flow map`],
  ['is no resource', DEPLOYMENT, 'kind: Deployment', `${DEPLOYMENT}: a document has no kind or no metadata.name`],
  [
    'runs nothing',
    DEPLOYMENT,
    'kind: Deployment\nmetadata: { name: thing-service }',
    'the Deployment thing-service has not exactly one container',
  ],
  ['is no YAML', COMPOSE, 'services: {', `${COMPOSE}: Flow map`],
  ['has a list', COMPOSE, 'services: [postgres]', `${COMPOSE}: \`services\` has no names`],
  ['is empty', COMPOSE, '', `${COMPOSE}: \`services\` has no names`],
])('a manifest %s: %s', async (_, path, text, reason) => {
  workspace.write(path, text);
  const { findings } = await workspace.examine(configuration);
  const what = expect.stringContaining(`could not be checked: ${reason}`);
  expect(findings).toMatchObject([{ severity: 'error', what }]);
});

it('what is empty in manifests and overlays is passed over', async () => {
  workspace.write('k8s/overlays/README.md', '# Overlays');
  workspace.edit(DEPLOYMENT, 'kind: Deployment', '---\n# The service.\n---\nkind: Deployment');
  workspace.edit(COMPOSE, 'services:\n', 'services:\n  redis:\n  thing-service:\n    environment:\n');
  expect(await workspace.examine(configuration)).toEqual({ findings: [] });
});

it('manifests that come to nothing are a finding', async () => {
  workspace.delete(DEPLOYMENT);
  const { findings } = await workspace.examine(configuration);
  const what = `could not be checked: ${BASE}: the resource ${DEPLOYMENT} does not exist`;
  expect(findings).toMatchObject([{ severity: 'error', what }]);
});
