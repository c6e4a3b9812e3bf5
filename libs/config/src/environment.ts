/**
 * The environment variables of one service. Read once at boot and injected, so that several services of one process can
 * each have their own. An empty value counts as unset.
 */
export class Environment {
  constructor(private readonly variables: Readonly<Record<string, string | undefined>>) {}

  /** The variable's value without surrounding white space, or undefined when it is unset or empty. */
  get(name: string): string | undefined {
    const value = this.variables[name]?.trim();
    return value === '' ? undefined : value;
  }

  get production(): boolean {
    return this.get('NODE_ENV') === 'production';
  }

  /** The variables whose names begin with `prefix`, without it. */
  startingWith(prefix: string): Record<string, string | undefined> {
    const own = Object.entries(this.variables).filter(([name]) => name.startsWith(prefix));
    return Object.fromEntries(own.map(([name, value]) => [name.slice(prefix.length), value]));
  }

  /** The same environment with some variables set otherwise; undefined unsets one. */
  with(overrides: Readonly<Record<string, string | undefined>>): Environment {
    return new Environment({ ...this.variables, ...overrides });
  }
}
