import {
  ArrayMaxSize,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsNumber,
  IsOptional,
  IsString,
  Matches,
  Max,
  Min,
} from 'class-validator';
import { durationToMs } from './duration.js';

/** What every variable says of itself. */
export interface VariableOptions<T> {
  /** The environment variable's name. */
  name: string;
  /** One sentence for docs/configuration.md. */
  description: string;
  /** Used when the variable is unset. Without one, and without `optional`, the variable must be set. */
  default?: T;
  /** Instead of `default` when NODE_ENV is production. */
  productionDefault?: T;
  /** Unset is fine and leaves the property undefined. */
  optional?: boolean;
  /** With `optional`: must be set all the same when NODE_ENV is production. */
  requiredInProduction?: boolean;
  /** For the documentation: what being unset means, when that is not a default. */
  unset?: string;
  /** The value is masked wherever it is shown. */
  secret?: boolean;
}

/** A variable as a config class declares it. */
export interface Variable extends VariableOptions<unknown> {
  property: string;
  /** In words, for error messages and documentation. */
  takes: string;
  parse(text: string): unknown;
}

const declared = new WeakMap<object, Variable[]>();

/** The variables that a config class declares, those of its ancestors first. */
export function variablesOf(type: { prototype: object }): Variable[] {
  const chain: Variable[][] = [];
  for (let at: object | null = type.prototype; at; at = Object.getPrototypeOf(at))
    chain.unshift(declared.get(at) ?? []);
  return chain.flat();
}

function variable<T>(
  options: VariableOptions<T>,
  takes: string,
  parse: (text: string) => unknown,
  validators: PropertyDecorator[],
): PropertyDecorator {
  return (target, property) => {
    const list = declared.get(target) ?? [];
    list.push({ ...options, property: String(property), takes, parse });
    declared.set(target, list);
    if (options.optional) validators.push(IsOptional());
    for (const validator of validators) validator(target, property);
  };
}

/** A whole number from `min` to `max`, both included. */
export function EnvInteger(options: VariableOptions<number> & { min: number; max: number }): PropertyDecorator {
  const takes = `a whole number from ${options.min} to ${options.max}`;
  return variable(options, takes, Number, [IsInt(), Min(options.min), Max(options.max)]);
}

/** A number from `min` to `max`, both included. */
export function EnvNumber(options: VariableOptions<number> & { min: number; max: number }): PropertyDecorator {
  const takes = `a number from ${options.min} to ${options.max}`;
  return variable(options, takes, Number, [
    IsNumber({ allowNaN: false, allowInfinity: false }),
    Min(options.min),
    Max(options.max),
  ]);
}

/** A duration such as `250ms`, `5s`, `5m`; the property holds milliseconds. */
export function EnvDuration(
  options: Omit<VariableOptions<string>, 'default'> & { default?: string; min?: string; max?: string },
): PropertyDecorator {
  const { min = '0s', max = '24h' } = options;
  const takes = `a duration from ${min} to ${max}, such as 250ms, 5s or 5m`;
  return variable(options, takes, durationToMs, [
    IsNumber({ allowNaN: false }),
    Min(durationToMs(min)),
    Max(durationToMs(max)),
  ]);
}

/** Text; with `pattern`, of that form. */
export function EnvString(options: VariableOptions<string> & { pattern?: RegExp; takes?: string }): PropertyDecorator {
  const validators = options.pattern ? [IsString(), Matches(options.pattern)] : [IsString()];
  return variable(options, options.takes ?? 'text', String, validators);
}

/** One of a fixed set of words. */
export function EnvEnum<T extends string>(options: VariableOptions<T> & { values: readonly T[] }): PropertyDecorator {
  return variable(options, `one of ${options.values.join(', ')}`, String, [IsIn([...options.values])]);
}

/** `true` or `false`. */
export function EnvBoolean(options: VariableOptions<boolean>): PropertyDecorator {
  const parse = (text: string) => (text === 'true' ? true : text === 'false' ? false : text);
  return variable(options, 'true or false', parse, [IsBoolean()]);
}

/** Words separated by commas; the property holds an array. */
export function EnvList(options: VariableOptions<readonly string[]> & { max?: number }): PropertyDecorator {
  const parse = (text: string) =>
    text
      .split(',')
      .map((word) => word.trim())
      .filter(Boolean);
  return variable(options, 'words separated by commas', parse, [IsArray(), ArrayMaxSize(options.max ?? 100)]);
}

/** A URL of one of `protocols` (without the colon). Its password, if any, is masked wherever it is shown. */
export function EnvUrl(options: VariableOptions<string> & { protocols: readonly string[] }): PropertyDecorator {
  const takes = `a URL that starts with ${options.protocols.map((protocol) => `${protocol}://`).join(' or ')}`;
  const allowed = new Set(options.protocols.map((protocol) => `${protocol}:`));
  const parse = (text: string) => (URL.canParse(text) && allowed.has(new URL(text).protocol) ? text : undefined);
  // An unusable URL parses to undefined, which IsOptional would let through: NaN is nobody's URL.
  return variable(options, takes, (text) => parse(text) ?? Number.NaN, [IsString()]);
}
