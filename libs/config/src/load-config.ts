import 'reflect-metadata';
import { validateSync } from 'class-validator';
import { ConfigError, type ConfigProblem } from './config-error.js';
import type { Environment } from './environment.js';
import { type Variable, variablesOf } from './variables.js';

/** A class whose properties are declared with `@EnvInteger` and its like. */
export type ConfigClass<T extends object = object> = new () => T;

/**
 * Reads the environment into one instance of each class.
 * @throws {ConfigError} with all the problems of all the classes.
 */
export function loadConfig<const C extends readonly ConfigClass[]>(
  classes: C,
  environment: Environment,
): { -readonly [K in keyof C]: InstanceType<C[K]> } {
  const problems = new Map<string, ConfigProblem>();
  const instances = classes.map((type) => {
    const instance = new type();
    const variables = variablesOf(type);
    for (const variable of variables) assign(instance, variable, environment, problems);
    for (const { property } of validateSync(instance, { forbidUnknownValues: false })) {
      const variable = variables.find((candidate) => candidate.property === property);
      if (variable && !problems.has(variable.name)) problems.set(variable.name, problemOf(variable, environment));
    }
    return instance;
  });
  if (problems.size > 0) throw new ConfigError([...problems.values()]);
  return instances as { -readonly [K in keyof C]: InstanceType<C[K]> };
}

function assign(
  instance: object,
  variable: Variable,
  environment: Environment,
  problems: Map<string, ConfigProblem>,
): void {
  const text = environment.get(variable.name);
  const fallback = environment.production ? (variable.productionDefault ?? variable.default) : variable.default;
  let value: unknown;
  if (text !== undefined) value = variable.parse(text);
  else if (typeof fallback === 'string') value = variable.parse(fallback);
  else value = fallback;
  const missing =
    value === undefined && (!variable.optional || (variable.requiredInProduction && environment.production));
  if (missing) problems.set(variable.name, problemOf(variable, environment));
  Reflect.set(instance, variable.property, value);
}

function problemOf(variable: Variable, environment: Environment): ConfigProblem {
  const text = environment.get(variable.name);
  const got = text === undefined ? undefined : mask(text, variable);
  const demand = text === undefined && variable.requiredInProduction ? ', required when NODE_ENV is production' : '';
  return { variable: variable.name, got, takes: variable.takes + demand };
}

/** A secret as five stars; a URL with its password so. */
function mask(text: string, { secret }: Variable): string {
  return secret ? '*****' : text.replace(/(:\/\/[^:@/]*:).*@/, '$1*****@');
}
