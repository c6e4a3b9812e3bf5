/** The samples begin here; a service's HTTP port is as far from the first as its gRPC port. */
const FIRST = { grpc: 50051, http: 8081 };
/** `HTTP_PORT` of the gateway, which runs beside the services in `npm start`. */
const GATEWAY = 3000;

/** What the module of an app declares, or undefined when there is none that does. */
export function portsOf(tree, app) {
  const module = tree.read(`apps/${app}/src/${app}.module.ts`)?.toString() ?? '';
  const ports = /ports:\s*\{\s*grpc:\s*(\d+),\s*http:\s*(\d+)/.exec(module);
  return ports ? { grpc: Number(ports[1]), http: Number(ports[2]) } : undefined;
}

function taken(tree) {
  const found = tree.getDir('apps').subdirs.flatMap((app) => portsOf(tree, app) ?? []);
  return { grpc: new Set(found.map(({ grpc }) => grpc)), http: new Set(found.map(({ http }) => http)) };
}

/** Where docker-compose.yml has the servers that services use: both run on a developer's machine. */
function published(tree) {
  const compose = tree.read('docker-compose.yml')?.toString() ?? '';
  return new Set([...compose.matchAll(/127\.0\.0\.1:(\d+):\d+/g)].map(([, port]) => Number(port)));
}

/**
 * The next pair that no service has.
 * @param {number} [wanted] the port of gRPC
 * @throws {Error} when something else has `wanted`, or it is none
 */
export function nextPorts(tree, wanted) {
  const { grpc, http } = taken(tree);
  if (wanted !== undefined) {
    if (!Number.isInteger(wanted) || wanted < 1024 || wanted > 65_535) {
      throw new Error(`${wanted} is no port for a service; take one from 1024 to 65535.`);
    }
    if (grpc.has(wanted) || http.has(wanted)) throw new Error(`Port ${wanted} is another service's.`);
    if (wanted === GATEWAY) throw new Error(`Port ${wanted} is the gateway's.`);
    if (published(tree).has(wanted)) throw new Error(`docker-compose.yml publishes port ${wanted}.`);
  }
  const next = (first, ports) => {
    let port = first;
    while (ports.has(port) || port === wanted) port += 1;
    return port;
  };
  return { grpc: wanted ?? next(FIRST.grpc, grpc), http: next(FIRST.http, http) };
}
