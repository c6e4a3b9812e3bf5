import type { Probe } from '../deployment/resource.js';
import type { Problem } from '../finding.js';
import type { App } from '../workspace/app.js';
import type { Overlay } from '../workspace/deployment.js';
import type { Workspace } from '../workspace/workspace.js';
import { serverAddress } from './server-address.js';

/** An app's container listens where its environment says, and is probed and called there. */
export function containerProblems(
  { protos }: Workspace,
  overlay: Overlay,
  { name, service }: App,
  given: Readonly<Record<string, string>>,
): Problem[] {
  const { cluster } = overlay;
  const { container } = cluster.workload(name);
  const problems: Problem[] = [];
  const report = (text: string, what: string, fix: string) => {
    problems.push({
      severity: 'error',
      what: `${name} (overlay ${overlay.name}): ${what}`,
      where: overlay.find(text, name),
      fix,
    });
  };
  for (const [port, variable] of [['grpc', 'GRPC_PORT'] as const, ['http', 'HTTP_PORT'] as const]) {
    const declared = container.ports?.find((each) => each.name === port)?.containerPort;
    if (declared === undefined || given[variable] === undefined || declared === Number(given[variable])) continue;
    const what = `${variable} is ${given[variable]}, and the container port ${port} is ${declared}`;
    report('containerPort', what, 'Give both the same number.');
  }
  const listed = container.ports?.map((each) => each.containerPort).join(', ') ?? 'none';
  const { startupProbe, livenessProbe, readinessProbe } = container;
  for (const [kind, probe] of Object.entries({ startupProbe, livenessProbe, readinessProbe })) {
    const port = probe && probedPort(probe);
    const has = container.ports?.some((each) => each.name === port || each.containerPort === port);
    if (port !== undefined && !has) {
      report(kind, `its ${kind} asks port ${port}, which the container has not`, `Write one that it has: ${listed}.`);
    }
    const asked = probe?.grpc?.service;
    const serves = protos.filter(({ host }) => host?.name === name).map(({ desc }) => desc.typeName);
    if (service && asked !== undefined && !serves.includes(asked)) {
      report(kind, `its ${kind} asks for ${asked}, which it does not serve`, `Write ${serves.join(' or ')}.`);
    }
  }
  for (const [variable, value] of Object.entries(given)) {
    const address = variable.endsWith('_URL') ? serverAddress(value) : undefined;
    if (!address) continue;
    try {
      cluster.dial(address.host, address.port);
    } catch (error) {
      const fix = `Write the name and a port of a Service of the overlay to ${variable}.`;
      report(variable, `${variable} leads nowhere: ${(error as Error).message}`, fix);
    }
  }
  return problems;
}

function probedPort({ httpGet, grpc, tcpSocket }: Probe): string | number | undefined {
  return httpGet?.port ?? grpc?.port ?? tcpSocket?.port;
}
