import { fileURLToPath } from 'node:url';
import { SERVERS as CALLED } from '../servers/catalogue.mjs';

const built = (app, entry) => ({
  name: app,
  app,
  path: fileURLToPath(new URL(`../../dist/bench/${app}/${entry}.js`, import.meta.url)),
});

/** Services of the benchmark; `app` names what nest-cli.json builds. */
export const SERVERS = {
  neither: CALLED.find(({ name }) => name === 'rookery-everything'),
  stored: built('data-stored', 'stored'),
  cached: built('data-cached', 'cached'),
  publisher: built('data-publisher', 'publisher'),
  consumer: built('data-consumer', 'consumer'),
};

/** What all of them get: production's settings, but what is not configured is embedded, as the cache in memory is. */
export const ENVIRONMENT = { NODE_ENV: 'test', LOG_LEVEL: 'info', LOG_FORMAT: 'json' };
