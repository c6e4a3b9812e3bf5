import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { prefixOf } from '../../../apps/platform/src/environment-view.js';
import { type App, readSources } from './app.js';
import type { Source } from './source.js';
import { lineOf, place } from './place.js';
import { member } from './value.js';

/** An environment variable as a configuration class declares it. */
export interface Variable {
  readonly name: string;
  readonly requiredInProduction: boolean;
  readonly default: unknown;
}

/** The variables of a folder's configuration classes (`@EnvInteger({ name: … })` and its like). */
export function variablesIn(sources: readonly Source[]): Variable[] {
  const properties = sources.flatMap(({ classes }) => classes.flatMap((type) => type.properties));
  return properties.flatMap(({ decorators }) =>
    decorators.flatMap(({ name: decorator, args: [options] }) => {
      const name = member(options, 'name');
      if (!/^Env[A-Z]/.test(decorator) || typeof name !== 'string') return [];
      const required = member(options, 'requiredInProduction') === true;
      return [{ name, requiredInProduction: required, default: member(options, 'default') }];
    }),
  );
}

/** The variables of each lib. */
export function readLibVariables(root: string): Map<string, Variable[]> {
  const libs = existsSync(join(root, 'libs')) ? readdirSync(join(root, 'libs')) : [];
  const read = (lib: string) =>
    existsSync(join(root, 'libs', lib, 'src')) ? variablesIn(readSources(root, `libs/${lib}/src`)) : [];
  return new Map(libs.map((lib) => [lib, read(lib)]));
}

/** `USER_SERVICE_URL`: where others find user-service. */
export function targetVariableOf(service: string): Variable {
  const name = `${prefixOf(service).replace(/(_SERVICE)?_$/, '')}_SERVICE_URL`;
  return { name, requiredInProduction: false, default: undefined };
}

/** The libs that every app configures. */
const ALWAYS = ['config', 'observability', 'service'];

/** @param targets the services that the app calls */
export function variablesOf(app: App, libs: ReadonlyMap<string, Variable[]>, targets: readonly string[]): Variable[] {
  const { service } = app;
  const used = [...ALWAYS];
  if (service) used.push('grpc');
  for (const lib of ['database', 'cache', 'messaging'] as const) if (service?.[lib]) used.push(lib);
  return [
    ...used.flatMap((lib) => libs.get(lib) ?? []),
    ...variablesIn(app.sources),
    ...targets.map((target) => targetVariableOf(target)),
  ];
}

/** `.env`, which `npm start` and `npm run migration` read; empty when there is none. */
export function readDotEnv(root: string): { text: string; variables: Record<string, string> } {
  const path = join(root, '.env');
  const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
  return { text, variables: parseEnv(text) as Record<string, string> };
}

/** Where `.env` sets a variable. */
export function dotEnvAt(text: string, name: string): string {
  return place('.env', lineOf(text, new RegExp(`^[ \\t]*(?:export[ \\t]+)?${name}[ \\t]*=`, 'm')));
}
