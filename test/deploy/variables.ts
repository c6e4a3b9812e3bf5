import { documentConfig } from '@rookery/config';
import type { Application } from './applications.js';

/** The default ports of the URLs that name none. */
export const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'postgres:': 5432, 'redis:': 6379, 'nats:': 4222 };

/** The names of the variables that an app reads, as docs/configuration.md has them. */
export function variablesOf({ config }: Application): string[] {
  const page = documentConfig(config.map((type) => ({ title: '', type })));
  return [...page.matchAll(/^\| `(\w+)` \|/gm)].map((match) => match[1]!);
}

/** Where an app keeps or sends what is not its own: the variables of infrastructure that it reads. */
export function infrastructureOf(application: Application): string[] {
  const declared = variablesOf(application);
  return ['DATABASE_URL', 'REDIS_URL', 'NATS_URL'].filter((variable) => declared.includes(variable));
}
