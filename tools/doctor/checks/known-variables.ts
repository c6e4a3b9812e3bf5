import type { App } from '../workspace/app.js';
import { type Variable, variablesOf } from '../workspace/variables.js';
import type { Workspace } from '../workspace/workspace.js';

/** What an app reads from its environment. `test/workspace/doctor.spec.ts` compares with what the apps themselves say. */
export function knownVariables(workspace: Workspace, app: App): Variable[] {
  return variablesOf(app, workspace.libVariables, targetsOf(workspace, app));
}

/** The gRPC services that an app calls; the gateway may call each of them. */
function targetsOf({ protos, services }: Workspace, { service }: App): string[] {
  const hosts = protos.flatMap(({ desc, host }) => (host ? [{ fullName: desc.typeName, name: host.name }] : []));
  if (!service) return [...new Set([...hosts, ...services].map(({ name }) => name))];
  return hosts.filter(({ fullName }) => service.calls.includes(fullName)).map(({ name }) => name);
}
