import { createDatabase } from '@rookery/embedded';
import { environmentLines } from './environment-lines.js';
import { startServers } from './index.js';
import { infraFolder, serviceDatabases } from './infra-folder.js';

// npm run infra:up. Progress goes to stderr, and to stdout nothing but environment lines.
try {
  const servers = await startServers({ dir: infraFolder, detached: true, onProgress: (line) => console.error(line) });
  const variables: Record<string, string> = {
    DATABASE_URL: servers.databaseUrl,
    REDIS_URL: servers.redisUrl,
    NATS_URL: servers.natsUrl,
  };
  for (const name of serviceDatabases) {
    variables[`${name.toUpperCase()}_DATABASE_URL`] = await createDatabase(servers.databaseUrl, name);
  }
  process.stdout.write(environmentLines(variables));
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
