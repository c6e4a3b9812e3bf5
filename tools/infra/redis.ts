import { firstLine, type ServerKind } from './server-kind.js';

const IN_MEMORY = ['--save', '', '--appendonly', 'no'];

/** Redis as a cache: nothing is written to disk. */
export const redis: ServerKind = {
  name: 'redis',
  title: 'Redis',
  variable: 'REDIS_URL',
  programs: ['redis-server', 'valkey-server'],
  debianPackage: 'redis-server',
  brewFormula: 'redis',
  image: 'redis:8-alpine',
  containerPort: 6379,
  containerArguments: ['redis-server', ...IN_MEMORY],
  programArguments: (port, dataDir) =>
    ['--bind', '127.0.0.1', '--port', String(port), '--dir', dataDir, '--daemonize', 'no'].concat(IN_MEMORY),
  url: (port) => `redis://127.0.0.1:${port}`,
  answers: async (port) => (await firstLine(port, 'PING\r\n')) === '+PONG',
};
