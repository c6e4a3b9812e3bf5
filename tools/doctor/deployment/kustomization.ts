import { existsSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { Resource } from './resource.js';

/** What a kustomization comes to. */
export interface Listing {
  readonly resources: readonly Resource[];
  /** Every file that was read, kustomizations included. */
  readonly files: readonly string[];
}

interface Generator {
  name: string;
  literals?: string[];
  files?: string[];
}

interface Kustomization {
  resources?: string[];
  configMapGenerator?: Generator[];
  images?: { name: string; newName?: string; newTag?: string }[];
}

/** What this listing does, and what changes nothing that it says (a namespace, labels on the outside). */
const UNDERSTOOD = new Set(['apiVersion', 'kind', 'namespace', 'resources', 'configMapGenerator', 'images']);

/**
 * The resources that a kustomization composes: files, folders, generated ConfigMaps (without the suffix that kustomize
 * adds to their names everywhere) and image tags. It stands in for `kubectl kustomize`, which not every machine has.
 * @throws {Error} for a field that it does not understand, rather than leave out what that would change
 */
export function listKustomization(folder: string): Listing {
  const path = join(folder, 'kustomization.yaml');
  const [kustomization] = readYaml(path) as (Kustomization | null | undefined)[];
  if (typeof kustomization !== 'object' || kustomization === null) throw new Error(`${path}: this is no kustomization`);
  const strange = Object.keys(kustomization).filter((field) => !UNDERSTOOD.has(field));
  if (strange.length > 0) {
    throw new Error(`${path}: this listing does not understand ${strange.join(', ')}; teach it, or use kubectl here`);
  }
  const parts = (kustomization.resources ?? []).map((entry) => listEntry(path, join(folder, entry)));
  const generated = (kustomization.configMapGenerator ?? []).map((generator) => generate(path, folder, generator));
  const resources = [...parts, ...generated].flatMap((part) => part.resources);
  for (const image of kustomization.images ?? []) retag(path, resources, image);
  return { resources, files: [path, ...[...parts, ...generated].flatMap((part) => part.files)] };
}

/** The documents of a file. @throws {YAMLParseError} at what is no YAML, a key given twice included */
export function readYaml(path: string): unknown[] {
  return parseAllDocuments(readFileSync(path, 'utf8')).map((document) => {
    for (const error of document.errors) throw Object.assign(error, { message: `${path}: ${error.message}` });
    return document.toJS() as unknown;
  });
}

function listEntry(from: string, entry: string): Listing {
  if (!existsSync(entry)) throw new Error(`${from}: the resource ${entry} does not exist`);
  if (statSync(entry).isDirectory()) return listKustomization(entry);
  // kubectl passes over what is empty between two `---`, too.
  const documents = readYaml(entry).filter((document) => document !== null);
  if (!documents.every(isResource)) throw new Error(`${entry}: a document has no kind or no metadata.name`);
  return { resources: documents, files: [entry] };
}

function isResource(document: unknown): document is Resource {
  const { kind, metadata } = Object(document) as Partial<Resource>;
  return typeof kind === 'string' && typeof metadata?.name === 'string';
}

function generate(from: string, folder: string, { name, literals = [], files = [], ...strange }: Generator): Listing {
  if (Object.keys(strange).length > 0) {
    throw new Error(`${from}: this listing does not understand ${Object.keys(strange).join(', ')} of ${name}`);
  }
  const values = literals.map((literal) => {
    const [key, ...rest] = literal.split('=');
    return [key!, rest.join('=')] as const;
  });
  const keys = values.map(([key]) => key);
  const twice = keys.filter((key, at) => keys.indexOf(key) !== at);
  if (twice.length > 0) throw new Error(`${from}: ${name} gives ${twice.join(', ')} twice`);
  const paths = files.map((file) => join(folder, file));
  const contents = paths.map((path) => [basename(path), readFileSync(path, 'utf8')] as const);
  const data = Object.fromEntries([...values, ...contents]);
  return { resources: [{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data }], files: paths };
}

function retag(
  from: string,
  resources: readonly Resource[],
  { name, newName = name, newTag }: { name: string; newName?: string; newTag?: string },
): void {
  const containers = resources.flatMap((resource) => resource.spec?.template?.spec?.containers ?? []);
  const named = containers.filter(({ image }) => image.replace(/:[^/]*$/, '') === name);
  if (named.length === 0) throw new Error(`${from}: no container has the image ${name}`);
  for (const container of named) container.image = newTag === undefined ? newName : `${newName}:${newTag}`;
}
