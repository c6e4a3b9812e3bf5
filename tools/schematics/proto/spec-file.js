import { requiredProperties } from './dto-file.js';
import { contractsOf, methodOf, typeOf } from './names.js';
import { dtoOf, isClientStream } from './service-files.js';
import { SourceFile } from './source-file.js';

const REFUSED = `/** The fields that are refused. */
async function refused<T extends object>(dto: new () => T, request: object): Promise<string[]> {
  const errors = await validate(plainToInstance(dto, request));
  return errors.map(({ property }) => property);
}`;

/** A request stream of one or several messages. */
export const STREAM = `async function* stream<T>(...requests: T[]): AsyncIterable<T> {
  yield* requests;
}`;

/** A spec of the handlers: what is not implemented says so, and what is required is asked for. */
export function specFile(dtos, { service, kebab, controller, provider, property }) {
  const file = new SourceFile(`${kebab}.controller.spec`, ['refused', 'stream', property]);
  const vitest = (name) => file.value('vitest', name);
  const controllerName = file.value(`./${kebab}.controller.js`, controller);
  const providerName = file.value(`./${kebab}.service.js`, provider);
  const calls = service.methods.map((method) => {
    const request = `new ${dtoOf(dtos, file, method, 'value')}()`;
    const argument = isClientStream(method) ? `stream(${request})` : request;
    return `['${method.name}', async () => ${property}.${methodOf(method)}(${argument})],`;
  });
  file.add(`const ${property} = new ${controllerName}(new ${providerName}());`);
  if (service.methods.some(isClientStream)) file.add(STREAM);
  file.add(`// Take an RPC out of this list when you implement it.
${vitest('it')}.each<[string, () => Promise<unknown>]>([\n${calls.join('\n')}\n])('%s answers UNIMPLEMENTED', async (_name, call) => {
  await ${vitest('expect')}(call()).rejects.toThrow(${file.value('@rookery/errors', 'Unimplemented')});
});`);
  addRefusals(dtos, file, service.methods);
  return file;
}

/** Has the spec `file` ask for what the requests of `methods` require. */
export function addRefusals(dtos, file, methods) {
  const refusals = requiredOf(dtos, methods).map(({ method, properties }) => refusal(dtos, file, method, properties));
  if (refusals.length === 0) return;
  file.value('vitest', 'it');
  file.value('vitest', 'expect');
  file.value('class-transformer', 'plainToInstance');
  file.value('class-validator', 'validate');
  file.add(REFUSED, ...refusals);
}

/** One RPC for each type of request of which something is required. */
function requiredOf(dtos, methods) {
  const first = methods.filter((method, index) => methods.findIndex(({ input }) => input === method.input) === index);
  return first
    .map((method) => ({ method, properties: requiredProperties(dtos, dtos.ofRequest(method.input)) }))
    .filter(({ properties }) => properties.length > 0);
}

function refusal(dtos, file, method, properties) {
  const dto = dtoOf(dtos, file, method, 'value');
  const message = file.value(contractsOf(method.input), typeOf(method.input));
  const quoted = properties.map((property) => `'${property}'`).join(', ');
  return `it('${method.name} requires ${properties.join(', ')}', async () => {
  expect(await refused(${dto}, ${message}.fromPartial({}))).toEqual([${quoted}]);
});`;
}
