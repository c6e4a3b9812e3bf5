import { once } from 'node:events';
import { connect } from 'node:net';
import type { Check, Problem } from '../finding.js';
import { dotEnvAt } from '../workspace/variables.js';
import type { Workspace } from '../workspace/workspace.js';
import { serverAddress } from './server-address.js';

/** Milliseconds: as long as somebody waits for a command without wondering. */
const PATIENCE = 2_000;
const INFRASTRUCTURE = /^(?:[A-Z0-9_]+_)?(?:DATABASE|REDIS|NATS)_URL$/;

/** The servers that the environment and .env name answer. What is unset is embedded, and needs none. */
export const infrastructure: Check = {
  name: 'infrastructure',
  promise: 'the servers that the environment and .env name can be reached',
  run: async (workspace) => {
    const named = namedServers(workspace);
    if (named.length === 0) return { problems: [], note: 'no server is named; everything is embedded' };
    return { problems: (await Promise.all(named.map(problemsOf))).flat() };
  },
};

interface NamedServer {
  readonly variable: string;
  readonly url: string;
  readonly where: string;
}

/** The environment comes before .env, as in `npm start`. */
function namedServers({ dotEnv, surroundings: { environment } }: Workspace): NamedServer[] {
  const variables = { ...dotEnv.variables, ...environment };
  return Object.entries(variables).flatMap(([variable, url = '']) => {
    if (!INFRASTRUCTURE.test(variable) || url === '') return [];
    return [
      { variable, url, where: variable in environment ? `environment: ${variable}` : dotEnvAt(dotEnv.text, variable) },
    ];
  });
}

async function problemsOf({ variable, url, where }: NamedServer): Promise<Problem[]> {
  if (url.startsWith('memory:')) return [];
  const address = serverAddress(url);
  if (!address) {
    const fix = 'docs/configuration.md says what it takes.';
    return [{ severity: 'error', what: `${variable} is no URL of a server`, where, fix }];
  }
  const { host, port } = address;
  const failure = await failureOf(host, port);
  if (failure === undefined) return [];
  const what = `${variable}: ${host}:${port} cannot be reached (${failure})`;
  const fix = `Start it (\`docker compose up --detach --wait postgres redis nats\`, \`npm run infra:up\`), or unset ${variable} to use what is embedded.`;
  return [{ severity: 'error', what, where, fix }];
}

async function failureOf(host: string, port: number): Promise<string | undefined> {
  const socket = connect({ host, port });
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(PATIENCE) });
    return undefined;
  } catch (error) {
    const { name, code, message } = error as NodeJS.ErrnoException;
    return name === 'AbortError' ? `no answer within ${PATIENCE / 1000} s` : (code ?? message);
  } finally {
    socket.destroy();
  }
}
