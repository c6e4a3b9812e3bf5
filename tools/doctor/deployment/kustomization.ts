import { existsSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';
import type { Labels, Resource } from './resource.js';

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

/** An operation of a JSON patch (RFC 6902), as far as patches of manifests need it. */
interface Operation {
  op: 'add' | 'replace' | 'remove';
  path: string;
  value?: unknown;
}

/** Which resources a patch is for: all that match. Kind and name are regular expressions. */
interface Target {
  kind?: string;
  name?: string;
  /** `a=b,c=d`, of the labels of the resource itself. */
  labelSelector?: string;
}

interface Kustomization {
  resources?: string[];
  components?: string[];
  configMapGenerator?: Generator[];
  patches?: { target: Target; patch: string }[];
  images?: { name: string; newName?: string; newTag?: string }[];
}

/** What this listing does, and what changes nothing that it says (a namespace, labels on the outside). */
const UNDERSTOOD = new Set([
  'apiVersion',
  'kind',
  'namespace',
  'resources',
  'components',
  'configMapGenerator',
  'patches',
  'images',
]);

/**
 * The resources that a kustomization composes: files, folders, generated ConfigMaps (without the suffix that kustomize
 * adds to their names everywhere), JSON patches and image tags. It stands in for `kubectl kustomize`, which not every machine has.
 * @param outer of a component: what the kustomization has that it is added to, which it may patch
 * @throws {Error} for a field that it does not understand, rather than leave out what that would change
 */
export function listKustomization(folder: string, outer: readonly Resource[] = []): Listing {
  const path = join(folder, 'kustomization.yaml');
  const [kustomization] = readYaml(path) as (Kustomization | null | undefined)[];
  if (typeof kustomization !== 'object' || kustomization === null) throw new Error(`${path}: this is no kustomization`);
  const strange = Object.keys(kustomization).filter((field) => !UNDERSTOOD.has(field));
  if (strange.length > 0) {
    throw new Error(`${path}: this listing does not understand ${strange.join(', ')}; teach it, or use kubectl here`);
  }
  const { resources: entries = [], components = [] } = kustomization;
  const parts = entries.map((entry) => listEntry(path, join(folder, entry)));
  const files = [path, ...parts.flatMap((part) => part.files)];
  let resources = [...outer, ...parts.flatMap((part) => part.resources)];
  for (const component of components) {
    const added = listKustomization(join(folder, component), resources);
    resources = [...added.resources];
    files.push(...added.files);
  }
  for (const generator of kustomization.configMapGenerator ?? []) {
    const generated = generate(path, folder, generator);
    resources.push(...generated.resources);
    files.push(...generated.files);
  }
  for (const { target, patch } of kustomization.patches ?? []) resources = patched(path, resources, target, patch);
  for (const image of kustomization.images ?? []) retag(path, resources, image);
  return { resources, files };
}

/** The documents of a file. @throws {YAMLParseError} at what is no YAML, a key given twice included */
export function readYaml(path: string): unknown[] {
  return parseAllDocuments(readFileSync(path, 'utf8'), { merge: true }).map((document) => {
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

/** The resources with one patch, which may also delete those that it is for. */
function patched(from: string, resources: readonly Resource[], target: Target, text: string): Resource[] {
  const patch = parse(text) as Operation[] | { $patch?: string };
  const matched = resources.filter((resource) => isTarget(resource, target));
  if (matched.length === 0) throw new Error(`${from}: no resource is the target ${JSON.stringify(target)} of a patch`);
  if (Array.isArray(patch)) for (const resource of matched) for (const each of patch) apply(from, resource, each);
  else if (patch.$patch !== 'delete') {
    throw new Error(
      `${from}: this listing understands JSON patches and "$patch: delete"; got ${JSON.stringify(patch)}`,
    );
  }
  return Array.isArray(patch) ? [...resources] : resources.filter((resource) => !matched.includes(resource));
}

function isTarget({ kind, metadata }: Resource, target: Target): boolean {
  const is = (pattern: string | undefined, value: string) =>
    pattern === undefined || new RegExp(`^(?:${pattern})$`).test(value);
  const labels: Labels = metadata.labels ?? {};
  const pairs = target.labelSelector?.split(',').map((pair) => pair.split('=')) ?? [];
  return (
    is(target.kind, kind) && is(target.name, metadata.name) && pairs.every(([label, value]) => labels[label!] === value)
  );
}

function apply(from: string, resource: Resource, { op, path, value }: Operation): void {
  const keys = path.slice(1).split('/');
  const last = keys.pop()!;
  const unescaped = (key: string) => key.replaceAll('~1', '/').replaceAll('~0', '~');
  let parent: unknown = resource;
  for (const key of keys) parent = (parent as Record<string, unknown> | undefined)?.[unescaped(key)];
  const where = `${from}: ${op} ${path} of ${resource.kind} ${resource.metadata.name}`;
  if (typeof parent !== 'object' || parent === null) throw new Error(`${where}: there is nothing to put it in`);
  const key = unescaped(last);
  if (op !== 'add' && !(key in parent)) throw new Error(`${where}: there is none`);
  if (Array.isArray(parent) && op !== 'replace') {
    if (op === 'remove') parent.splice(Number(key), 1);
    else parent.splice(key === '-' ? parent.length : Number(key), 0, structuredClone(value));
  } else if (op === 'remove') delete (parent as Record<string, unknown>)[key];
  else (parent as Record<string, unknown>)[key] = structuredClone(value);
}
