import pluralize from 'pluralize';
import { docOf } from './comments.js';
import { claim, contractsOf, kebab, methodOf, stemOf, typeOf } from './names.js';
import { SourceFile } from './source-file.js';

/**
 * What the classes and files of each service are called.
 * @throws {Error} when a method cannot be called what its RPC is
 */
export function nameServices(services) {
  const taken = new Set();
  return services.map((service) => {
    const stem = claim(taken, stemOf(service), service.name);
    const methods = new Set(service.methods.map(methodOf));
    if (methods.has('constructor') || methods.size < service.methods.length) {
      throw new Error(`${service.typeName}: two RPCs, or an RPC and the constructor, would be one method. Rename one.`);
    }
    const plural = pluralize(stem);
    return {
      service,
      kebab: kebab(stem),
      controller: `${stem}Controller`,
      provider: `${stem}Service`,
      property: claim(methods, plural[0].toLowerCase() + plural.slice(1), 'service'),
    };
  });
}

/** The handlers: each names the DTO of its request, and leaves the work to the provider. */
export function controllerFile(dtos, { service, kebab, controller, provider, property }) {
  const file = new SourceFile(`${kebab}.controller`, [controller]);
  const decorator = file.value('@rookery/grpc', 'GrpcController');
  const definition = file.value(contractsOf(service), `${service.name}Definition`);
  const contract = file.type(contractsOf(service), `${service.name}Controller`);
  const injected = file.value(`./${kebab}.service.js`, provider);
  const methods = service.methods.map((method) => handlerText(dtos, file, method, property));
  file.add(
    `@${decorator}(${definition})
export class ${controller} implements ${contract} {
constructor(private readonly ${property}: ${injected}) {}

${methods.join('\n\n')}
}`,
  );
  return file;
}

/** The handler of an RPC, in the controller `file`, which has its provider in `property`. */
export function handlerText(dtos, file, method, property) {
  const { parameter, argument, result } = signature(dtos, file, method);
  const name = methodOf(method);
  return `${name}(${parameter}): ${result} {\nreturn this.${property}.${name}(${argument});\n}`;
}

function signature(dtos, file, method) {
  const dto = dtoOf(dtos, file, method, 'value');
  const parameter = isClientStream(method)
    ? `@${file.value('@rookery/grpc', 'Messages')}(${dto}) requests: AsyncIterable<${dto}>`
    : `@${file.value('@nestjs/microservices', 'Payload')}() request: ${dto}`;
  return { parameter, argument: isClientStream(method) ? 'requests' : 'request', result: resultOf(file, method) };
}

/** The business logic, of which there is none yet: each method answers UNIMPLEMENTED. */
export function providerFile(dtos, { service, kebab, provider }) {
  const file = new SourceFile(`${kebab}.service`, [provider]);
  const methods = service.methods.map((method) => stubText(dtos, file, method));
  const injectable = file.value('@nestjs/common', 'Injectable');
  file.add(`${docOf(service)}@${injectable}()\nexport class ${provider} {\n${methods.join('\n\n')}\n}`);
  return file;
}

/** What an RPC does, in the provider `file`: nothing yet. */
export function stubText(dtos, file, method) {
  const dto = dtoOf(dtos, file, method, 'type');
  const parameter = isClientStream(method) ? `_requests: AsyncIterable<${dto}>` : `_request: ${dto}`;
  const unimplemented = file.value('@rookery/errors', 'Unimplemented');
  const promised = isServerStream(method) ? '' : 'async ';
  return `${docOf(method)}${promised}${methodOf(method)}(${parameter}): ${resultOf(file, method)} {
throw new ${unimplemented}('${method.name} is not implemented yet');
}`;
}

function resultOf(file, method) {
  const type = file.type(contractsOf(method.output), typeOf(method.output));
  return isServerStream(method) ? `AsyncIterable<${type}>` : `Promise<${type}>`;
}

/** The DTO class of an RPC's request, as `file` imports it. @param {'value' | 'type'} use */
export function dtoOf(dtos, file, method, use) {
  const { stem, name } = dtos.ofRequest(method.input);
  return file[use](`./${stem}.dto.js`, name);
}

export function isClientStream({ methodKind }) {
  return methodKind === 'client_streaming' || methodKind === 'bidi_streaming';
}

function isServerStream({ methodKind }) {
  return methodKind === 'server_streaming' || methodKind === 'bidi_streaming';
}
