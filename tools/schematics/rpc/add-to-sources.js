import ts from 'typescript';
import { loadPackage } from '../proto/descriptors.js';
import { dtoText } from '../proto/dto-file.js';
import { Dtos } from '../proto/dtos.js';
import { EditedFile, classesIn } from '../proto/edited-file.js';
import { splitImports } from '../proto/merge-imports.js';
import { kebab, methodOf } from '../proto/names.js';
import { dtoOf, handlerText, isClientStream, stubText } from '../proto/service-files.js';
import { SourceFile } from '../proto/source-file.js';
import { STREAM, addRefusals } from '../proto/spec-file.js';
import { put } from '../workspace/put.js';

/**
 * Adds an RPC to the sources of a service that somebody has written: a handler to its controller, a method that answers
 * UNIMPLEMENTED to its provider, DTO classes, and a spec.
 * @param {{ root: string, app: object, service: string, rpc: string, changed: Map<string, string> }} about
 * @throws {Error} when no controller serves the service, or it leaves its work to no provider
 */
export function addToSources(tree, { root, app, service: serviceName, rpc, changed }) {
  const pkg = loadPackage(root, app.protoPackage, changed);
  const whole = pkg.services.find(({ name }) => name === serviceName);
  const method = whole.methods.find(({ name }) => name === rpc);
  const dtos = new Dtos({ ...pkg, services: [{ methods: [method] }] });
  const { controller, provider } = handlersOf(tree, app, serviceName);

  edit(tree, controller.path, (file) => {
    file.addMethod(controller.name, methodOf(method), handlerText(dtos, file, method, provider.property));
  });
  edit(tree, provider.path, (file) => {
    file.addMethod(provider.name, methodOf(method), stubText(dtos, file, method));
  });
  const folder = controller.path.replace(/[^/]*$/, '');
  for (const [stem, entries] of dtos.byStem()) addDtos(tree, `${folder}${stem}.dto.ts`, dtos, entries);
  const stem = `${kebab(rpc)}.spec`;
  const path = `${folder}${stem}.ts`;
  if (tree.exists(path)) throw new Error(`${path} is there already. Nothing was changed.`);
  tree.create(path, String(specOf(dtos, method, provider, stem)));
}

function edit(tree, path, change) {
  const file = new EditedFile(stemOf(path), tree.read(path).toString());
  change(file);
  put(tree, path, String(file));
}

/** The classes that the file has not yet. */
function addDtos(tree, path, dtos, entries) {
  const there = tree.read(path)?.toString();
  const names = new Set(there === undefined ? [] : classesIn(there).map(({ name }) => name?.text));
  const missing = entries.filter(({ name }) => !names.has(name));
  if (missing.length === 0) return;
  const stem = stemOf(path);
  const file =
    there === undefined
      ? new SourceFile(
          stem,
          missing.map(({ name }) => name),
        )
      : new EditedFile(stem, there);
  for (const entry of missing) file.add(withIds(dtoText(dtos, file, entry, names), file, there));
  put(tree, path, String(file));
}

/** An id is what the service's other requests take for one. */
function withIds(text, file, there) {
  if (!there?.includes('@IsId()')) return text;
  return text.replace(/@\w+\(\)\n(id!: string;)/, `@${file.value('@rookery/grpc', 'IsId')}()\n$1`);
}

const stemOf = (path) => /([^/]+)\.ts$/.exec(path)[1];

/** The controller of a service, and the provider that it leaves its work to. */
function handlersOf(tree, { app }, serviceName) {
  const controller = controllerIn(tree, app, serviceName);
  if (!controller) throw new Error(`No class in apps/${app}/src is @GrpcController(${serviceName}Definition).`);
  const { node, path, text } = controller;
  const { imports } = splitImports(text);
  const parameters = node.members.find((member) => ts.isConstructorDeclaration(member))?.parameters ?? [];
  for (const { name, type, modifiers } of parameters) {
    const imported = imports.find(({ local, module }) => local === type?.getText() && module.startsWith('./'));
    if (!imported || !modifiers?.length) continue;
    const from = path.replace(/[^/]*$/, '') + imported.module.slice(2).replace(/\.js$/, '.ts');
    if (tree.exists(from)) {
      return { controller, provider: { name: imported.text.split(' as ')[0], property: name.getText(), path: from } };
    }
  }
  throw new Error(
    `${controller.name} in ${path} leaves its work to no provider of its own: add ${serviceName}'s RPC by hand.`,
  );
}

function controllerIn(tree, app, serviceName) {
  let found;
  tree.getDir(`apps/${app}/src`).visit((path) => {
    if (found || !path.endsWith('.ts') || path.endsWith('.spec.ts')) return;
    const text = tree.read(path).toString();
    if (!text.includes('GrpcController(')) return;
    const node = classesIn(text).find((each) =>
      ts.getDecorators(each)?.some((one) => one.expression.getText() === `GrpcController(${serviceName}Definition)`),
    );
    if (node) found = { node, name: node.name.text, path: path.replace(/^\//, ''), text };
  });
  return found;
}

/** The method is called without what it will need one day. */
function specOf(dtos, method, provider, stem) {
  const { property } = provider;
  const file = new SourceFile(stem, ['refused', 'stream', property]);
  const name = file.value(`./${stemOf(provider.path)}.js`, provider.name);
  const request = `new ${dtoOf(dtos, file, method, 'value')}()`;
  const argument = isClientStream(method) ? `stream(${request})` : request;
  if (isClientStream(method)) file.add(STREAM);
  file.add(`${file.value('vitest', 'it')}('${method.name} answers UNIMPLEMENTED', async () => {
  const ${property} = Object.create(${name}.prototype) as ${name};
  await ${file.value('vitest', 'expect')}(async () => ${property}.${methodOf(method)}(${argument})).rejects.toThrow(${file.value('@rookery/errors', 'Unimplemented')});
});`);
  addRefusals(dtos, file, [method]);
  return file;
}
