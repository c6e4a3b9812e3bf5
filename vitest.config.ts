import { defineConfig } from 'vitest/config';

/**
 * unit: beside the code, needs no server. The other projects share real PostgreSQL, Redis and NATS,
 * started once for the run by tools/infra.
 */
const onRealServers = { globalSetup: ['test/real-servers.setup.ts'], testTimeout: 30_000, hookTimeout: 60_000 };

export default defineConfig({
  resolve: { tsconfigPaths: true },
  test: {
    projects: [
      { extends: true, test: { name: 'unit', include: ['{apps,libs,tools}/**/*.spec.ts', 'test/workspace/**/*.spec.ts'] } },
      { extends: true, test: { name: 'integration', include: ['test/integration/**/*.spec.ts'], ...onRealServers } },
      { extends: true, test: { name: 'e2e', include: ['test/e2e/**/*.spec.ts'], ...onRealServers, fileParallelism: false } },
    ],
  },
});
