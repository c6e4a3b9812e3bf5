import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Where `infra:up` keeps its servers: in the repository, ignored by git. */
export const infraFolder = join(import.meta.dirname, '../../.rookery/infra');

const { projects } = JSON.parse(readFileSync(join(import.meta.dirname, '../../nest-cli.json'), 'utf8')) as {
  projects: Record<string, unknown>;
};

/** The databases that `infra:up` makes: one per service, and the variable that tells each its own. */
export const serviceDatabases: readonly string[] = Object.keys(projects)
  .filter((app) => app.endsWith('-service'))
  .map((app) => app.replaceAll('-', '_'));
