import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The packages of a workspace: what it asks for, what is locked, what is installed. */
export interface Packages {
  /** Of package.json, development included. */
  readonly asked: Readonly<Record<string, string>>;
  readonly text: string;
  /** The lock's copies of each package, by where they are (`node_modules/pg`); undefined without a lock. */
  readonly locked: Readonly<Record<string, Locked>> | undefined;
  /** The version that is installed at `node_modules/pg`; undefined when there is none. */
  installed(path: string): string | undefined;
}

interface Locked {
  readonly version?: string;
  readonly link?: boolean;
  /** Not on every platform. */
  readonly optional?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

/** @throws {Error} when a file is no JSON */
export function readPackages(root: string): Packages {
  const read = (path: string): unknown => {
    try {
      return JSON.parse(readFileSync(join(root, path), 'utf8'));
    } catch (error) {
      throw new Error(`${path}: ${(error as Error).message}`, { cause: error });
    }
  };
  const { dependencies, devDependencies } = read('package.json') as Locked;
  const lock = 'package-lock.json';
  return {
    asked: { ...dependencies, ...devDependencies },
    text: readFileSync(join(root, 'package.json'), 'utf8'),
    locked: existsSync(join(root, lock)) ? (read(lock) as { packages: Record<string, Locked> }).packages : undefined,
    installed: (path) => {
      const manifest = `${path}/package.json`;
      return existsSync(join(root, manifest)) ? (read(manifest) as Locked).version : undefined;
    },
  };
}
