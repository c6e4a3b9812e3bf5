import { firstLine, type ServerKind } from './server-kind.js';

/** NATS with JetStream, its streams on disk; no HTTP monitoring (that is off unless asked for). */
export const nats: ServerKind = {
  name: 'nats',
  title: 'NATS',
  variable: 'NATS_URL',
  programs: ['nats-server'],
  debianPackage: 'nats-server',
  brewFormula: 'nats-server',
  image: 'nats:2.11-alpine',
  containerPort: 4222,
  containerArguments: ['-js'],
  programArguments: (port, dataDir) => ['-a', '127.0.0.1', '-p', String(port), '-js', '-sd', dataDir],
  url: (port) => `nats://127.0.0.1:${port}`,
  answers: async (port) => /^INFO .*"jetstream":\s*true/.test(await firstLine(port)),
};
