import { ValidationTypes, getMetadataStorage } from 'class-validator';
import type { ConstraintMetadata } from 'class-validator/types/metadata/ConstraintMetadata.js';
import type { ValidationMetadata } from 'class-validator/types/metadata/ValidationMetadata.js';

type Check = (object: object) => boolean;

/** What a class says of one of its properties. */
interface Property {
  readonly name: string;
  /** Of `@ValidateIf` and `@IsOptional`: all of them must hold, or the rules do not apply. */
  readonly conditions: readonly ((object: object, value: unknown) => boolean)[];
  readonly rules: readonly Rule[];
  /** Whether its objects are validated by their classes. */
  readonly nested: boolean;
}

/** One validator of one decorator. */
interface Rule {
  readonly metadata: ValidationMetadata;
  readonly validator: ConstraintMetadata['instance'];
}

const checks = new WeakMap<object, Check>();

/**
 * Whether class-validator would find nothing wrong with an instance of a class. It calls the validators that
 * class-validator calls, built-in and custom ones, but prepares no errors, of which a valid object has none: that is
 * where the time goes. Because it knows no rule by its name, it misunderstands none.
 *
 * `false` means that class-validator must be asked: something is wrong, or the class has a rule that answers with a
 * promise.
 */
export function isSurelyValid(instance: object): boolean {
  const type: unknown = instance.constructor;
  if (typeof type !== 'function') return false;
  let check = checks.get(type);
  if (check === undefined) checks.set(type, (check = compile(type)));
  return check(instance);
}

function compile(type: Function): Check {
  const storage = getMetadataStorage();
  const metadatas = storage.getTargetValidationMetadatas(type, '', false, false);
  const constraintsOf = ({ constraintCls }: ValidationMetadata) => storage.getTargetValidatorConstraints(constraintCls);
  if (metadatas.some((metadata) => metadata.type === ValidationTypes.PROMISE_VALIDATION)) return () => false;
  if (metadatas.some((metadata) => constraintsOf(metadata).some(({ async }) => async))) return () => false;

  const properties = [...new Set(metadatas.map(({ propertyName }) => propertyName))].map((name): Property => {
    const own = metadatas.filter(({ propertyName }) => propertyName === name);
    const rulesOf = (type: string) =>
      own
        .filter((metadata) => metadata.type === type)
        .flatMap((metadata) => constraintsOf(metadata).map(({ instance: validator }) => ({ metadata, validator })));
    return {
      name,
      conditions: own
        .filter(({ type }) => type === ValidationTypes.CONDITIONAL_VALIDATION)
        .map(({ constraints }) => constraints[0]),
      rules: [...rulesOf(ValidationTypes.IS_DEFINED), ...rulesOf(ValidationTypes.CUSTOM_VALIDATION)],
      nested: own.some(({ type }) => type === ValidationTypes.NESTED_VALIDATION),
    };
  });
  const targetName = type.name;
  return (object) => properties.every((property) => isPropertyValid(object, targetName, property));
}

function isPropertyValid(object: object, targetName: string, property: Property): boolean {
  const value: unknown = Reflect.get(object, property.name);
  // All of the conditions are asked, as class-validator does.
  let applies = true;
  for (const condition of property.conditions) applies = condition(object, value) && applies;
  if (!applies) return true;
  for (const rule of property.rules) {
    if (!isRuleKept(object, targetName, value, rule)) return false;
  }
  return !property.nested || isNestedValid(value);
}

function isRuleKept(object: object, targetName: string, value: unknown, { metadata, validator }: Rule): boolean {
  if (metadata.validateIf !== undefined && !metadata.validateIf(object, value)) return true;
  const { propertyName: property, constraints } = metadata;
  const context = { targetName, property, object, value, constraints };
  const isKept = (each: unknown) => {
    const answer: unknown = validator.validate(each, context);
    if (!isPromise(answer)) return Boolean(answer);
    // A promise that nobody said would come. class-validator asks again and waits for it.
    answer.then(undefined, () => undefined);
    return false;
  };
  if (!metadata.each) return isKept(value);
  if (Array.isArray(value)) return value.every(isKept);
  return value instanceof Set || value instanceof Map ? [...value.values()].every(isKept) : isKept(value);
}

function isNestedValid(value: unknown): boolean {
  if (value === undefined) return true;
  if (Array.isArray(value)) return value.every(isNestedValid);
  if (value instanceof Set || value instanceof Map) return [...value.values()].every(isNestedValid);
  return value instanceof Object && isSurelyValid(value);
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
