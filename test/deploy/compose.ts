import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

export const COMPOSE_FILE = 'docker-compose.yml';

/** The fields of a service that the specs read; that it has no others is dclint's to say. */
export interface ComposeService {
  image: string;
  build?: { context: string; args: Record<string, string> };
  pull_policy?: string;
  profiles?: string[];
  environment?: Record<string, string | number>;
  command?: string[];
  ports?: string[];
  volumes?: string[];
  depends_on?: Record<string, { condition: string }>;
  healthcheck?: { test: string[] };
  stop_grace_period?: string;
  mem_limit?: string;
  read_only?: boolean;
  tmpfs?: string[];
  cap_drop?: string[];
  security_opt?: string[];
  container_name?: string;
}

export interface Compose {
  services: Record<string, ComposeService>;
  volumes: Record<string, unknown>;
}

/** docker-compose.yml as Compose reads it where no variable is set: with its anchors, and the defaults of `${NAME:-default}`. */
export const compose = parse(
  readFileSync(COMPOSE_FILE, 'utf8').replaceAll(/\$\{\w+:-([^}]*)\}/g, (_, otherwise: string) => otherwise),
  { merge: true },
) as Compose;

export const INFRASTRUCTURE = ['postgres', 'redis', 'nats'];
export const OBSERVABILITY = ['prometheus', 'grafana', 'otel-collector', 'jaeger'];

/** @throws {Error} when there is none */
export function composed(name: string): ComposeService {
  const service = compose.services[name];
  if (!service) throw new Error(`${COMPOSE_FILE} has no service ${name}`);
  return service;
}

/** What its container has in its environment, as text. */
export function environmentOf(name: string): Record<string, string> {
  return Object.fromEntries(Object.entries(composed(name).environment ?? {}).map(([key, value]) => [key, `${value}`]));
}

/** The ports on 127.0.0.1, by the container's. @throws {Error} for one that is published in another way */
export function publishedBy({ ports = [] }: ComposeService): Map<number, number> {
  return new Map(
    ports.map((entry) => {
      const [, host, container] = /^127\.0\.0\.1:(\d+):(\d+)$/.exec(entry) ?? [];
      if (!host) throw new Error(`${entry} is not published on 127.0.0.1 alone`);
      return [Number(container), Number(host)];
    }),
  );
}
