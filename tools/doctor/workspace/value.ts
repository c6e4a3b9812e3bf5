import ts from 'typescript';

/** An expression of a source, as far as it can be read without running it. */
export type Value = string | number | boolean | Ref | Call | readonly Value[] | { readonly [key: string]: Value };

/** An identifier. */
export class Ref {
  constructor(readonly name: string) {}
}

/** A call, such as `ServiceModule.register({ … })`. */
export class Call {
  constructor(
    readonly callee: string,
    readonly args: readonly Value[],
  ) {}
}

/** What an expression says. What is computed becomes a `Ref` with its text. */
export function valueOf(node: ts.Expression): Value {
  if (ts.isStringLiteralLike(node)) return node.text;
  if (ts.isNumericLiteral(node)) return Number(node.text.replaceAll('_', ''));
  if (node.kind === ts.SyntaxKind.TrueKeyword) return true;
  if (node.kind === ts.SyntaxKind.FalseKeyword) return false;
  if (ts.isArrayLiteralExpression(node)) return node.elements.map(valueOf);
  if (ts.isObjectLiteralExpression(node)) return Object.fromEntries(node.properties.flatMap(entryOf));
  if (ts.isCallExpression(node)) return new Call(node.expression.getText(), node.arguments.map(valueOf));
  if (ts.isAsExpression(node) || ts.isSatisfiesExpression(node)) return valueOf(node.expression);
  return new Ref(node.getText());
}

function entryOf(property: ts.ObjectLiteralElementLike): [string, Value][] {
  if (ts.isShorthandPropertyAssignment(property)) return [[property.name.text, new Ref(property.name.text)]];
  if (ts.isPropertyAssignment(property)) return [[nameOf(property.name), valueOf(property.initializer)]];
  return [];
}

/** The name of a member. */
export function nameOf(name: ts.PropertyName): string {
  return ts.isIdentifier(name) || ts.isStringLiteralLike(name) ? name.text : name.getText();
}

/** The member of an object; undefined of anything else. */
export function member(value: Value | undefined, key: string): Value | undefined {
  if (typeof value !== 'object' || Array.isArray(value) || value instanceof Ref || value instanceof Call) return;
  return (value as Record<string, Value>)[key];
}

/** The names in a list of identifiers; undefined when it is no such list, but computed. */
export function namesIn(value: Value | undefined): string[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const names = (value as readonly Value[]).map((each) => (each instanceof Ref ? each.name : ''));
  return names.every((name) => /^\w+$/.test(name)) ? names : undefined;
}
