import type { ArgumentMetadata, PipeTransform } from '@nestjs/common';
import { isThenable } from '../calls/reply-once.js';
import type { HandlerArguments, Stage } from './compile-handler.js';
import type { Enhancers } from './enhancers.js';

/** One decorated parameter: where its value comes from, and the pipes that it goes through. */
export interface Parameter {
  readonly index: number;
  readonly extract: (args: HandlerArguments) => unknown;
  readonly pipes: readonly PipeTransform[];
  readonly metadata: ArgumentMetadata;
  /** Whether the value may be a promise, as that of a custom decorator's factory. */
  readonly custom: boolean;
}

/** Calls the handler with its parameters, each of which has passed its pipes. */
export function withParameters({ instance, method, parameters }: Enhancers): Stage {
  const [only] = parameters;
  if (parameters.length === 1 && only!.index === 0) {
    return (args) => {
      const value = resolved(only!, args);
      if (isThenable(value) && passed(only!)) return value.then((resolved) => method.call(instance, resolved));
      return method.call(instance, value);
    };
  }
  const length = Math.max(-1, ...parameters.map(({ index }) => index)) + 1;
  return (args) => {
    const values: unknown[] = Array.from({ length });
    let waiting: PromiseLike<unknown>[] | undefined;
    for (const parameter of parameters) {
      let value: unknown;
      try {
        value = resolved(parameter, args);
      } catch (error) {
        // What the others come to interests nobody any more.
        for (const other of waiting ?? []) other.then(undefined, () => undefined);
        throw error;
      }
      if (isThenable(value) && passed(parameter)) {
        (waiting ??= []).push(value.then((resolved) => (values[parameter.index] = resolved)));
      } else {
        values[parameter.index] = value;
      }
    }
    return waiting ? Promise.all(waiting).then(() => method.apply(instance, values)) : method.apply(instance, values);
  };
}

/** Whether a promise that comes out of the parameter is ours to await: a parameter without pipes keeps its value. */
function passed({ pipes, custom }: Parameter): boolean {
  return pipes.length > 0 || custom;
}

function resolved(parameter: Parameter, args: HandlerArguments): unknown {
  const { pipes, metadata, custom } = parameter;
  const value = parameter.extract(args);
  if (pipes.length === 0) return value;
  if (custom && isThenable(value)) return value.then((resolved) => piped(resolved, 0, pipes, metadata));
  return piped(value, 0, pipes, metadata);
}

/** `value` through the pipes from `index` on; a promise as soon as one of them makes one. */
function piped(value: unknown, index: number, pipes: readonly PipeTransform[], metadata: ArgumentMetadata): unknown {
  let current = value;
  for (let at = index; at < pipes.length; at += 1) {
    current = pipes[at]!.transform(current, metadata);
    if (isThenable(current)) return current.then((resolved) => piped(resolved, at + 1, pipes, metadata));
  }
  return current;
}
