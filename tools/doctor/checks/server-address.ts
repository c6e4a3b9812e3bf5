const DEFAULT_PORTS: Readonly<Record<string, number>> = {
  'postgres:': 5432,
  'postgresql:': 5432,
  'redis:': 6379,
  'rediss:': 6379,
  'nats:': 4222,
  'tls:': 4222,
};

/** The host and port that a URL of infrastructure or a gRPC target leads to; undefined when it names none. */
export function serverAddress(url: string): { host: string; port: number } | undefined {
  const [, name, number] = /^dns:\/\/\/([\w.-]+):(\d+)$/.exec(url) ?? [];
  if (name) return { host: name, port: Number(number) };
  if (!URL.canParse(url)) return undefined;
  const { protocol, hostname, port } = new URL(url);
  const found = Number(port) || DEFAULT_PORTS[protocol];
  return hostname && found ? { host: hostname.replaceAll(/[[\]]/g, ''), port: found } : undefined;
}
