import ts from 'typescript';
import { importsFor, namesIn, splitImports } from './merge-imports.js';
import { SourceFile } from './source-file.js';

/** A TypeScript file that is there, and gets more: what it imports already is used under the name that it has. */
export class EditedFile extends SourceFile {
  #yours;
  #body;

  /** @param {string} stem `payment.dto` for payment.dto.ts @param {string} text what the file says now */
  constructor(stem, text) {
    const { imports, body } = splitImports(text);
    super(stem, [...namesIn(body), ...imports.map(({ local }) => local)]);
    this.#yours = imports;
    this.#body = body;
    for (const { module, local, text: binding, isTypeOnly, isWhole } of imports) {
      if (local === undefined || isWhole) continue;
      const [name] = binding.split(' as ');
      const names = this.imports.get(module) ?? new Map();
      this.imports.set(module, names.set(name, { name, local, isValue: !isTypeOnly }));
    }
  }

  /** The class of that name. @throws {Error} when there is none */
  classOf(name) {
    const found = classesIn(this.#body).find((each) => each.name?.text === name);
    if (!found) throw new Error(`${this.stem}.ts has no class ${name}.`);
    return found;
  }

  /** Appends a method to a class, before what is private. @throws {Error} when it has one of that name */
  addMethod(className, methodName, text) {
    const { members, end } = this.classOf(className);
    if (members.some(({ name }) => name?.getText() === methodName)) {
      throw new Error(`${className} in ${this.stem}.ts has a ${methodName} already. Nothing was changed.`);
    }
    const at = members.findLast(isPublicMethod)?.end ?? end - 1;
    this.#body = `${this.#body.slice(0, at)}\n\n${text}\n${this.#body.slice(at)}`;
  }

  toString() {
    const body = [this.#body.trimEnd(), ...this.blocks].join('\n\n');
    const imports = importsFor(body, { yours: this.#yours, before: [], now: this.bindings() });
    return `${imports.join('\n')}\n\n${body}\n`;
  }
}

/** The classes of a source. */
export function classesIn(text) {
  const source = ts.createSourceFile('source.ts', text, ts.ScriptTarget.Latest, true);
  return source.statements.filter((statement) => ts.isClassDeclaration(statement));
}

function isPublicMethod(member) {
  if (!ts.isMethodDeclaration(member) || ts.isPrivateIdentifier(member.name)) return false;
  const hidden = [ts.SyntaxKind.PrivateKeyword, ts.SyntaxKind.ProtectedKeyword];
  return !member.modifiers?.some(({ kind }) => hidden.includes(kind));
}
