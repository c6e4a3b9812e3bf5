import { existsSync, readdirSync } from 'node:fs';
import { join, posix, relative, sep } from 'node:path';
import { type Class, type Decorated, type Source, decoratorOf, readSource } from './source.js';
import { lineOf, place } from './place.js';
import { Call, Ref, type Value, member, namesIn } from './value.js';

/** A folder of apps/. */
export interface App {
  readonly name: string;
  /** Without specs and fixtures. */
  readonly sources: readonly Source[];
  /** What `ServiceModule.register` is given, in a service. */
  readonly service: Service | undefined;
}

/** An app that is a service. */
export type ServiceApp = App & { readonly service: Service };

/** A service as its module declares it; what the module computes is undefined. */
export interface Service {
  readonly name: string;
  readonly package: string | undefined;
  readonly ports: { readonly grpc: number | undefined; readonly http: number | undefined };
  readonly database: { entities: string[] | undefined; migrations: string[] | undefined } | undefined;
  readonly cache: boolean;
  readonly messaging: boolean;
  /** Full names of the gRPC services that it calls. */
  readonly calls: readonly string[];
  readonly controllers: string[] | undefined;
  readonly module: Source;
}

/** A class and where it is. */
export interface Located {
  readonly source: Source;
  readonly type: Class;
}

export function readApps(root: string): App[] {
  return readdirSync(join(root, 'apps'))
    .filter((name) => existsSync(join(root, 'apps', name, 'src')))
    .map((name) => {
      const sources = readSources(root, `apps/${name}/src`);
      return { name, sources, service: serviceIn(sources) };
    });
}

/** Every source below a folder, without specs, fixtures and what is generated. */
export function readSources(root: string, folder: string, named = /\.ts$/): Source[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && named.test(entry.name))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).replaceAll(sep, '/'))
    .filter((path) => !/\.(spec|fixture|contract|d)\.ts$|\/generated\//.test(path))
    .toSorted()
    .map((path) => readSource(root, path));
}

function serviceIn(sources: readonly Source[]): Service | undefined {
  for (const source of sources) {
    for (const type of source.classes) {
      const declared = decoratorOf(type, 'Module')?.args[0];
      const imported = member(declared, 'imports');
      const calls = Array.isArray(imported) ? (imported as readonly Value[]) : [];
      const call = calls.find((each) => each instanceof Call && each.callee === 'ServiceModule.register');
      if (call instanceof Call) return serviceOf(call.args[0], namesIn(member(declared, 'controllers')), source);
    }
  }
  return undefined;
}

function serviceOf(declared: Value | undefined, controllers: string[] | undefined, module: Source): Service {
  const text = (key: string) => {
    const value = member(declared, key);
    return typeof value === 'string' ? value : undefined;
  };
  const port = (key: string) => {
    const value = member(member(declared, 'ports'), key);
    return typeof value === 'number' ? value : undefined;
  };
  const database = member(declared, 'database');
  const clients = member(declared, 'clients');
  return {
    name: text('name') ?? '',
    package: text('package'),
    ports: { grpc: port('grpc'), http: port('http') },
    database: database
      ? { entities: namesIn(member(database, 'entities')), migrations: namesIn(member(database, 'migrations')) }
      : undefined,
    cache: member(declared, 'cache') === true,
    messaging: member(declared, 'messaging') === true,
    calls: (Array.isArray(clients) ? (clients as readonly Value[]) : []).flatMap(
      (client) => definitionOf(member(client, 'service') ?? client, module) ?? [],
    ),
    controllers,
    module,
  };
}

/** The gRPC service that a generated definition is of: `user.v1.UserService` of an imported `UserServiceDefinition`. */
export function definitionOf(value: Value | undefined, { imports }: Source): string | undefined {
  if (!(value instanceof Ref)) return undefined;
  const imported = imports.get(value.name);
  const folder = /^@rookery\/contracts\/(.+)$/.exec(imported?.from ?? '')?.[1];
  return folder && `${folder.replaceAll('/', '.')}.${imported!.name.replace(/Definition$/, '')}`;
}

/** The classes of an app that have a decorator, with what the decorator is given first. */
export function classesWith({ sources }: App, decorator: string): (Located & { argument: Value | undefined })[] {
  return sources.flatMap((source) =>
    source.classes.flatMap((type) => {
      const found = decoratorOf(type, decorator);
      return found ? [{ source, type, argument: found.args[0] }] : [];
    }),
  );
}

/** The class that a name means in a source of an app; undefined when it is none of the app's. */
export function classNamed({ sources }: App, source: Source, name: string): Located | undefined {
  const imported = source.imports.get(name);
  if (!imported) {
    const type = source.classes.find((each) => each.name === name);
    return type && { source, type };
  }
  if (!imported.from.startsWith('.')) return undefined;
  const path = posix.join(posix.dirname(source.path), imported.from).replace(/\.js$/, '.ts');
  const home = sources.find((each) => each.path === path);
  const type = home?.classes.find((each) => each.name === imported.name);
  return type && { source: home!, type };
}

/** Where a class, or a member of one, is. */
export function locate({ path }: Source, { line }: Decorated): string {
  return place(path, line);
}

/** The line of a service's module that declares something. */
export function declaredAt({ module }: Service, key: string): string {
  return place(module.path, lineOf(module.text, new RegExp(`\\b${key}:`)));
}
