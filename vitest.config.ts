import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

/** Specs that need PostgreSQL, Redis and NATS share real ones, which tools/infra starts once for the run. */
const REAL_SERVERS = 'test/real-servers.setup.ts';
/** Specs that run whole apps run their bundles, which are built first when they are stale. */
const BUILT_APPS = 'test/built-apps.setup.ts';

/** Vitest leaves a core alone, which on two cores is half of them; most specs wait for servers. */
const maxWorkers = Math.max(2, availableParallelism() - 1);
/** One file at a time, when the others are through: whole platforms, and what they do within which time. */
const alone = (groupOrder: number) => ({ fileParallelism: false, sequence: { groupOrder } });

/**
 * Files of one worker share the modules that they import, which takes longer than most of their tests: no file may change
 * what another one imports.
 */
const sharing = { isolate: false };

const patient = { testTimeout: 60_000, hookTimeout: 120_000, expect: { poll: { timeout: 10_000 } } };

export default defineConfig({
  resolve: { tsconfigPaths: true },
  test: {
    maxWorkers,
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['{apps,libs,tools}/**/*.spec.ts', 'test/{workspace,deploy}/**/*.spec.ts'],
          ...sharing,
        },
      },
      // Behaviours of a gRPC server × RPC kinds × handler styles, through sockets and clients that are not ours.
      {
        extends: true,
        test: { name: 'conformance', include: ['test/conformance/**/*.spec.ts'], ...sharing, ...patient },
      },
      {
        extends: true,
        test: {
          name: 'integration',
          include: ['test/integration/**/*.spec.ts'],
          globalSetup: [REAL_SERVERS],
          ...sharing,
          ...patient,
        },
      },
      {
        extends: true,
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.spec.ts'],
          globalSetup: [REAL_SERVERS, BUILT_APPS],
          ...alone(1),
          ...patient,
        },
      },
      // Each starts and stops servers of its own.
      {
        extends: true,
        test: {
          name: 'chaos',
          include: ['test/chaos/**/*.spec.ts'],
          globalSetup: [BUILT_APPS],
          ...alone(2),
          ...patient,
        },
      },
      // Replaces every replica of the platform under load, as Kubernetes does.
      {
        extends: true,
        test: {
          name: 'rollout',
          include: ['test/rollout/**/*.spec.ts'],
          globalSetup: [BUILT_APPS],
          env: { GRPC_NODE_USE_ALTERNATIVE_RESOLVER: 'true' },
          ...alone(3),
          ...patient,
          testTimeout: 600_000,
        },
      },
      // Generates services in a copy of the workspace, and runs its checks there.
      {
        extends: true,
        test: {
          name: 'generator',
          include: ['test/generator/**/*.spec.ts'],
          ...alone(4),
          ...patient,
          testTimeout: 600_000,
        },
      },
    ],
  },
});
