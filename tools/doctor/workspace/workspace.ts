import { type App, type ServiceApp, readApps } from './app.js';
import { type Compose, type Overlay, readCompose, readOverlays } from './deployment.js';
import { type Packages, readPackages } from './packages.js';
import { type ProtoService, readProtoServices } from './protos.js';
import { type Variable, readDotEnv, readLibVariables } from './variables.js';

/** What the workspace is looked at with. */
export interface Surroundings {
  /** `process.versions.node` */
  readonly node: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The commit that protos must not break. */
  readonly against: string;
  /** Whether migrations may be run, in databases of their own. */
  readonly database: boolean;
}

/**
 * What is in a workspace. Each part is read once, when a check first asks for it, so that one that is broken stops no check
 * that does not need it; every check that does gets the same error.
 */
export class Workspace {
  readonly #parts = new Map<string, () => unknown>();

  constructor(
    readonly root: string,
    readonly surroundings: Surroundings,
  ) {}

  get packages(): Packages {
    return this.#once('packages', () => readPackages(this.root));
  }

  get apps(): readonly App[] {
    return this.#once('apps', () => readApps(this.root));
  }

  get services(): readonly ServiceApp[] {
    return this.apps.filter((app): app is ServiceApp => app.service !== undefined);
  }

  get protos(): readonly ProtoService[] {
    return this.#once('protos', () => readProtoServices(this.root));
  }

  get libVariables(): ReadonlyMap<string, Variable[]> {
    return this.#once('libVariables', () => readLibVariables(this.root));
  }

  get overlays(): readonly Overlay[] {
    return this.#once('overlays', () => readOverlays(this.root));
  }

  get compose(): Compose | undefined {
    return this.#once('compose', () => readCompose(this.root));
  }

  get dotEnv(): { readonly text: string; readonly variables: Readonly<Record<string, string>> } {
    return this.#once('dotEnv', () => readDotEnv(this.root));
  }

  #once<T>(part: string, read: () => T): T {
    const known = this.#parts.get(part) as (() => T) | undefined;
    const outcome = known ?? outcomeOf(read);
    if (!known) this.#parts.set(part, outcome);
    return outcome();
  }
}

/** Returns, or throws, what `read` did. */
function outcomeOf<T>(read: () => T): () => T {
  try {
    const value = read();
    return () => value;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}
