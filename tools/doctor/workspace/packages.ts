import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The packages of a workspace: what it asks for, what is locked, what is installed. */
export interface Packages {
  /** Of package.json, development included. */
  readonly asked: Readonly<Record<string, string>>;
  readonly text: string;
  /** The lock's copies of each package, by where they are (`node_modules/pg`); undefined without a lock. */
  readonly locked: Readonly<Record<string, Locked>> | undefined;
  /** The installed version of a package; undefined when it is not there. */
  installed(name: string): string | undefined;
}

interface Locked {
  readonly version?: string;
  readonly link?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

export function readPackages(root: string): Packages {
  const text = readFileSync(join(root, 'package.json'), 'utf8');
  const { dependencies, devDependencies } = JSON.parse(text) as Locked;
  const lock = join(root, 'package-lock.json');
  return {
    asked: { ...dependencies, ...devDependencies },
    text,
    locked: existsSync(lock)
      ? (JSON.parse(readFileSync(lock, 'utf8')) as { packages: Record<string, Locked> }).packages
      : undefined,
    installed: (name) => {
      const path = join(root, 'node_modules', name, 'package.json');
      return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Locked).version : undefined;
    },
  };
}
