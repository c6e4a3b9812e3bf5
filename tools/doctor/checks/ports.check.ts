import { PRIVATE, prefixOf } from '../../../apps/platform/src/environment-view.js';
import type { Check, Problem } from '../finding.js';
import { declaredAt } from '../workspace/app.js';
import { COMPOSE } from '../workspace/deployment.js';
import { lineOf, place } from '../workspace/place.js';
import { dotEnvAt, variablesIn } from '../workspace/variables.js';
import type { Workspace } from '../workspace/workspace.js';

/** Somebody who listens on a developer's machine. */
interface Listener {
  readonly who: string;
  readonly port: number;
  readonly where: string;
}

/** Everything runs side by side on one machine, and the protos say where the services are. */
export const ports: Check = {
  name: 'ports',
  promise: 'no two listen on one port, and the protos say where the services listen',
  run: (workspace) => ({
    problems: [
      ...clashes([...ofApps(workspace), ...ofCompose(workspace)]),
      ...ofHosts(workspace),
      ...ofDotEnv(workspace),
    ],
  }),
};

function clashes(listeners: readonly Listener[]): Problem[] {
  return listeners.flatMap((listener, index): Problem[] => {
    const { who, port, where } = listener;
    const first = listeners.slice(0, index).find((other) => other.port === port);
    if (!first) return [];
    const what = `port ${port} is that of ${first.who} (${first.where}) and of ${who}`;
    return [{ severity: 'error', what, where, fix: `Give ${who} a port that is free.` }];
  });
}

/** With what .env says for `npm start`. */
function ofApps({ apps, services, dotEnv }: Workspace): Listener[] {
  const declared = services.flatMap(({ service }) => [
    { app: service.name, variable: 'GRPC_PORT', port: service.ports.grpc, where: declaredAt(service, 'ports') },
    { app: service.name, variable: 'HTTP_PORT', port: service.ports.http, where: declaredAt(service, 'ports') },
  ]);
  const gateway = apps.find(({ name }) => name === 'gateway');
  const ofGateway = variablesIn(gateway?.sources ?? []).find(({ name }) => name === 'HTTP_PORT')?.default;
  if (typeof ofGateway === 'number') {
    declared.push({ app: 'gateway', variable: 'HTTP_PORT', port: ofGateway, where: 'apps/gateway' });
  }
  return declared.flatMap(({ app, variable, port, where }) => {
    const name = prefixOf(app) + variable;
    const given = Number(dotEnv.variables[name]);
    const who = `${app} (${variable === 'GRPC_PORT' ? 'gRPC' : 'HTTP'})`;
    if (given > 0) return [{ who, port: given, where: dotEnvAt(dotEnv.text, name) }];
    return port === undefined ? [] : [{ who, port, where }];
  });
}

function ofCompose({ compose }: Workspace): Listener[] {
  return Object.entries(compose?.services ?? {}).flatMap(([name, { ports: published }]) =>
    (published ?? []).flatMap((entry) => {
      const isLong = typeof entry === 'object';
      const text = isLong ? `published: ${entry.published}` : String(entry);
      // `127.0.0.1:5432:5432`: what is published, not what it is inside.
      const port = Number(isLong ? entry.published : /(?:^|:)(\d+):\d+(?:\/tcp)?$/.exec(text)?.[1]);
      if (!(port > 0)) return [];
      return [{ who: `${name} of compose`, port, where: place(COMPOSE, lineOf(compose!.text, text)) }];
    }),
  );
}

/** The table of ports that clients and the gateway go by. */
function ofHosts({ protos, services }: Workspace): Problem[] {
  return protos.flatMap(({ desc, host, at }): Problem[] => {
    const where = at();
    if (!host) {
      const what = `${desc.typeName} has no google.api.default_host`;
      const fix = 'Add `option (google.api.default_host) = "<service>:<port>";` to the service.';
      return [{ severity: 'warning', what, where, fix }];
    }
    const { name, port } = host;
    const app = services.find(({ service }) => service.name === name);
    if (!app) {
      // It may be somebody else's; it may also be misspelt.
      const what = `${desc.typeName} is at ${name} (google.api.default_host), and no app is called so`;
      const fix = `Make it with \`npx nest g app ${name}\`, correct the name, or delete the proto.`;
      return [{ severity: 'warning', what, where, fix }];
    }
    const { grpc } = app.service.ports;
    if (grpc === undefined || grpc === port) return [];
    const what = `${desc.typeName} is at port ${port}, and ${name} listens on ${grpc} (${declaredAt(app.service, 'ports')})`;
    return [{ severity: 'error', what, where, fix: `Write "${name}:${grpc}", or change the module.` }];
  });
}

function ofDotEnv({ dotEnv: { text, variables } }: Workspace): Problem[] {
  return PRIVATE.filter((name) => name in variables).map((name) => ({
    severity: 'warning',
    what: `${name} of .env counts for nothing: \`npm start\` runs several that would share it`,
    where: dotEnvAt(text, name),
    fix: `Say whose it is, as in USER_SERVICE_${name}.`,
  }));
}
