import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { place } from './place.js';
import { type Value, nameOf, valueOf } from './value.js';

/** What a TypeScript file says, without compiling it: a workspace in which something is wrong has to be readable. */
export interface Source {
  /** In the workspace. */
  readonly path: string;
  readonly text: string;
  /** By the name in this file. */
  readonly imports: ReadonlyMap<string, Import>;
  readonly classes: readonly Class[];
}

export interface Import {
  readonly from: string;
  /** The name in the module that it comes from. */
  readonly name: string;
  readonly typeOnly: boolean;
}

export interface Class extends Decorated {
  /** What it extends, as text. */
  readonly base: string | undefined;
  readonly implements: readonly string[];
  readonly properties: readonly Decorated[];
  readonly methods: readonly Method[];
}

export interface Method extends Decorated {
  readonly parameters: readonly Parameter[];
}

export interface Parameter extends Decorated {
  /** As it is written. */
  readonly type: string | undefined;
}

export interface Decorated {
  readonly name: string;
  readonly line: number;
  readonly decorators: readonly Decorator[];
}

export interface Decorator {
  readonly name: string;
  readonly args: readonly Value[];
}

/** @throws {Error} with the first place at which it is no TypeScript */
export function readSource(root: string, path: string): Source {
  const text = readFileSync(join(root, path), 'utf8');
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  refuseBroken(file);
  return {
    path,
    text,
    imports: new Map(file.statements.filter(ts.isImportDeclaration).flatMap(importsOf)),
    classes: file.statements.filter(ts.isClassDeclaration).map(classOf),
  };
}

/** The parser goes on after what it did not understand, with less than what was meant. */
function refuseBroken(file: ts.SourceFile): void {
  // Not of the public interface, which has it only for the price of a program: seconds instead of none.
  const { parseDiagnostics } = file as ts.SourceFile & { parseDiagnostics: readonly ts.DiagnosticWithLocation[] };
  const [first] = parseDiagnostics;
  if (!first) return;
  const at = place(file.fileName, file.getLineAndCharacterOfPosition(first.start).line + 1);
  throw new Error(`${at}: ${ts.flattenDiagnosticMessageText(first.messageText, ' ')}`);
}

function importsOf({ importClause, moduleSpecifier }: ts.ImportDeclaration): [string, Import][] {
  const bindings = importClause?.namedBindings;
  if (!bindings || !ts.isNamedImports(bindings)) return [];
  const from = (moduleSpecifier as ts.StringLiteral).text;
  return bindings.elements.map((element) => {
    const name = (element.propertyName ?? element.name).text;
    const typeOnly = importClause.phaseModifier === ts.SyntaxKind.TypeKeyword || element.isTypeOnly;
    return [element.name.text, { from, name, typeOnly }];
  });
}

function classOf(node: ts.ClassDeclaration): Class {
  const clauses = node.heritageClauses ?? [];
  const named = (token: ts.SyntaxKind) =>
    clauses.filter((clause) => clause.token === token).flatMap(({ types }) => types.map((type) => type.getText()));
  const constructors = node.members.filter(ts.isConstructorDeclaration);
  const assigned = constructors.flatMap(({ parameters }) =>
    parameters.filter((parameter) => ts.isParameterPropertyDeclaration(parameter, parameter.parent)),
  );
  return {
    ...decorated(node, node.name?.text ?? ''),
    base: named(ts.SyntaxKind.ExtendsKeyword)[0],
    implements: named(ts.SyntaxKind.ImplementsKeyword),
    properties: [...node.members.filter(isField), ...assigned].map((each) =>
      decorated(each, each.name.getText().replaceAll(/^['"]|['"]$/g, '')),
    ),
    methods: node.members.filter(ts.isMethodDeclaration).map((method) => ({
      ...decorated(method, nameOf(method.name)),
      parameters: method.parameters.map((parameter) => ({
        ...decorated(parameter, parameter.name.getText()),
        type: parameter.type?.getText(),
      })),
    })),
  };
}

/** What instances hold: neither static nor computed. */
function isField(node: ts.ClassElement): node is ts.PropertyDeclaration {
  const isStatic =
    ts.canHaveModifiers(node) && ts.getModifiers(node)?.some(({ kind }) => kind === ts.SyntaxKind.StaticKeyword);
  return ts.isPropertyDeclaration(node) && !isStatic && !ts.isPrivateIdentifier(node.name);
}

function decorated(node: ts.Node, name: string): Decorated {
  const decorators = ts.canHaveDecorators(node) ? (ts.getDecorators(node) ?? []) : [];
  const file = node.getSourceFile();
  return {
    name,
    line: file.getLineAndCharacterOfPosition(node.getStart()).line + 1,
    decorators: decorators.map(({ expression }) =>
      ts.isCallExpression(expression)
        ? { name: expression.expression.getText(), args: expression.arguments.map(valueOf) }
        : { name: expression.getText(), args: [] },
    ),
  };
}

/** The decorator of that name, if any. */
export function decoratorOf({ decorators }: Decorated, name: string): Decorator | undefined {
  return decorators.find((decorator) => decorator.name === name);
}
