import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { Cluster } from '../deployment/cluster.js';
import { secretsOfStore } from '../deployment/external-secrets.js';
import { listKustomization, readYaml } from '../deployment/kustomization.js';
import { lineOf, place } from './place.js';

/** An overlay of k8s/. */
export interface Overlay {
  readonly name: string;
  readonly cluster: Cluster;
  /** Where in its files a text is, such as the name of a variable; those of `app` are looked at first. */
  find(text: string, app: string): string;
}

/** docker-compose.yml, as far as ports and environments go. */
export interface Compose {
  readonly text: string;
  readonly services: Readonly<Record<string, ComposeService>>;
}

export interface ComposeService {
  readonly environment?: Readonly<Record<string, string>> | readonly string[] | null;
  readonly ports?: readonly (string | number | { readonly published?: string | number })[] | null;
}

export const COMPOSE = 'docker-compose.yml';

/** Every overlay; none when there is no k8s/. @throws {Error} for manifests that do not come to anything */
export function readOverlays(root: string): Overlay[] {
  const folder = join(root, 'k8s/overlays');
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).filter((name) => existsSync(join(folder, name, 'kustomization.yaml')));
  return names.map((name) => {
    const { resources, files } = listKustomization(join(folder, name));
    const paths = files.map((file) => relative(root, file));
    // One without Secrets finds those that an operator has made.
    const secrets = resources.some(({ kind }) => kind === 'Secret') ? [] : secretsOfStore(root);
    return {
      name,
      cluster: new Cluster([...resources, ...secrets]),
      find: (text, app) => find(root, paths, text, app),
    };
  });
}

function find(root: string, paths: readonly string[], text: string, app: string): string {
  const own = paths.filter((path) => path.includes(`/${app}/`));
  for (const path of [...own, ...paths]) {
    const line = lineOf(readFileSync(join(root, path), 'utf8'), new RegExp(`\\b${text}\\b`));
    if (line !== undefined) return place(path, line);
  }
  return own[0] ?? paths[0] ?? 'k8s';
}

/** @throws {Error} when it is no YAML, or not of services */
export function readCompose(root: string): Compose | undefined {
  const path = join(root, COMPOSE);
  if (!existsSync(path)) return undefined;
  const [document] = readYaml(path) as [{ services?: Readonly<Record<string, ComposeService | null>> } | null];
  const services = document?.services;
  if (typeof services !== 'object' || Array.isArray(services)) throw new Error(`${path}: \`services\` has no names`);
  // `redis:` and nothing else is null.
  const named = Object.entries(services).map(([name, service]) => [name, service ?? {}] as const);
  return { text: readFileSync(path, 'utf8'), services: Object.fromEntries(named) };
}

/** The environment that a service of compose is given. */
export function environmentIn({ environment }: ComposeService): Record<string, string> {
  if (!Array.isArray(environment)) return (environment ?? {}) as Record<string, string>;
  const entries = (environment as readonly string[]).map((line) => line.split('='));
  return Object.fromEntries(entries.map(([name, ...rest]) => [name!, rest.join('=')]));
}
