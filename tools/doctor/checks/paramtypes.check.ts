import type { Check, Problem } from '../finding.js';
import { classNamed, locate } from '../workspace/app.js';
import { decoratorOf } from '../workspace/source.js';
import type { Workspace } from '../workspace/workspace.js';
import { type Handler, allHandlers, requestParameter, requestTypeName } from './handlers.js';

/**
 * A handler validates its request because TypeScript writes down its class (`design:paramtypes`): only for a method with a
 * decorator, and only for a class that is imported as a value.
 */
export const paramtypes: Check = {
  name: 'paramtypes',
  promise: 'every handler names the class that its request is validated by',
  run: (workspace: Workspace) => ({ problems: allHandlers(workspace).flatMap(problemsOf) }),
};

function problemsOf(handler: Handler): Problem[] {
  const { controller, method, rpc } = handler;
  const { source, type } = controller;
  const parameter = requestParameter(method);
  // What takes no request has nothing to validate.
  if (!parameter) return [];
  const name = `${type.name}.${method.name}`;
  const problem = (what: string, fix: string): Problem[] => {
    return [{ severity: 'error', what: `${name} ${what}`, where: locate(source, method), fix }];
  };
  const isStream = rpc.methodKind === 'client_streaming' || rpc.methodKind === 'bidi_streaming';
  if (isStream && !decoratorOf(parameter, 'Messages')) {
    return problem(
      'takes a stream of requests without saying of which class',
      `Write \`@Messages(SomeDto) ${parameter.name}: AsyncIterable<SomeDto>\`.`,
    );
  }
  if (method.decorators.length === 0 && method.parameters.every(({ decorators }) => decorators.length === 0)) {
    return problem(
      'has no decorator, so that its design:paramtypes are missing and its request is not validated',
      `Write \`@Payload() ${parameter.name}: SomeDto\`.`,
    );
  }
  return ofType(handler, problem);
}

function ofType(
  { controller: { app, source }, method }: Handler,
  problem: (what: string, fix: string) => Problem[],
): Problem[] {
  const named = requestTypeName(method);
  if (named === undefined) {
    return problem('takes a request whose type is no class', 'Give the request a DTO class, and name it there.');
  }
  const imported = source.imports.get(named);
  const isClass = classNamed(app, source, named) !== undefined;
  if (imported?.typeOnly) {
    if (isClass)
      return problem(`imports ${named} as a type, which is gone when it runs`, `Import ${named} without \`type\`.`);
    return problem(
      `takes ${named}, which is no class`,
      `Write a DTO class that implements ${named}, and name it there.`,
    );
  }
  // Of classes from packages nothing is known; messages of the contracts are interfaces.
  const isForeign = imported && !imported.from.startsWith('.') && !imported.from.startsWith('@rookery/contracts');
  if (isClass || isForeign) return [];
  return problem(`takes ${named}, which is no class`, `Make ${named} a class with validators.`);
}
