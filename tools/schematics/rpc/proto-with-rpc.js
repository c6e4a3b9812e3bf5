import pluralize from 'pluralize';
import { camel, wordsOf } from '../workspace/class-name.js';
import { serviceBlocks, withProtoImport } from '../workspace/proto-text.js';

/**
 * The proto of a service with one RPC more, and the messages that it takes and answers with. `RefundPayment` of
 * PaymentService is about one payment, which it takes the id of and answers with (https://aip.dev/136).
 * @param {Map<string, string>} protos of the package, by path
 * @param {{ rpc: string, stream: 'none' | 'server' | 'client' | 'both', service?: string }} wanted
 * @returns {{ path: string, text: string, service: string }}
 * @throws {Error} when the package has no such service, or has the RPC or its messages already
 */
export function protoWithRpc(protos, { rpc, stream, service }) {
  const found = serviceIn(protos, service);
  const { path, text, block } = found;
  if (new RegExp(`\\brpc\\s+${rpc}\\b`).test(block)) throw new Error(`${found.name} has an RPC ${rpc} already.`);
  const stem = found.name.replace(/Service$/, '');
  const isOfOne = declares(protos, stem) && rpc.endsWith(stem) && rpc !== stem;
  const [request, response] = [`${rpc}Request`, isOfOne ? stem : `${rpc}Response`];
  for (const message of isOfOne ? [request] : [request, response]) {
    if (declares(protos, message)) throw new Error(`There is a message ${message} already.`);
  }
  const collection = /"\/(v\d+\/\w+)/.exec(block)?.[1] ?? `v1/${pluralize(camel(stem))}`;
  const verb = camel(isOfOne ? rpc.slice(0, -stem.length) : rpc);
  const route = `/${collection}${isOfOne ? '/{id}' : ''}:${verb}`;
  const takes = stream === 'client' || stream === 'both' ? `stream ${request}` : request;
  const answers = stream === 'server' || stream === 'both' ? `stream ${response}` : response;
  const declared = `rpc ${rpc}(${takes}) returns (${answers})${optionsOf(stream, route)}`;
  const comment = `// ${sentence(rpc)}: not implemented yet.`;
  const end = text.slice(0, found.end).trimEnd();
  const gap = end.endsWith('{') ? '\n' : '\n\n';
  const messages = [requestText(rpc, isOfOne && wordsOf(stem)), ...(isOfOne ? [] : [responseText(rpc)])];
  const added = `${end}${gap}  ${comment}\n  ${declared}\n${text.slice(found.end)}`;
  const whole = `${added.trimEnd()}\n\n${messages.join('\n\n')}\n`;
  const imports = [
    ...(whole.includes('(google.api.http)') ? ['google/api/annotations.proto'] : []),
    ...(isOfOne ? ['google/api/field_behavior.proto'] : []),
  ];
  return { path, text: imports.reduce(withProtoImport, whole), service: found.name };
}

function serviceIn(protos, wanted) {
  const all = [...protos].flatMap(([path, text]) =>
    serviceBlocks(text).map(({ name, open, end }) => ({ path, text, name, end, block: text.slice(open, end) })),
  );
  const names = all.map(({ name }) => name).join(', ');
  const found = wanted === undefined && all.length === 1 ? all[0] : all.find(({ name }) => name === wanted);
  if (found) return found;
  throw new Error(
    wanted === undefined
      ? all.length === 0
        ? 'Its protos have no service.'
        : `Of which of its services? Say --service, one of ${names}.`
      : `There is no service ${wanted}; there is ${names}.`,
  );
}

function declares(protos, message) {
  return [...protos.values()].some((text) => new RegExp(`^\\s*message\\s+${message}\\b`, 'm').test(text));
}

/** An RPC with requests in a stream has no REST route. */
function optionsOf(stream, route) {
  if (stream === 'none')
    return ` {\n    option (google.api.http) = {\n      post: "${route}"\n      body: "*"\n    };\n  }`;
  if (stream !== 'server') return ';';
  return ` {\n    option idempotency_level = NO_SIDE_EFFECTS;\n    option (google.api.http) = {get: "${route}"};\n  }`;
}

function requestText(rpc, ofOne) {
  const field = `\n  // The ${ofOne}'s id.\n  string id = 1 [(google.api.field_behavior) = REQUIRED];\n`;
  return `// What ${rpc} takes.\nmessage ${rpc}Request {${ofOne ? field : ''}}`;
}

const responseText = (rpc) => `// What ${rpc} answers with.\nmessage ${rpc}Response {}`;

function sentence(name) {
  const words = wordsOf(name);
  return words[0].toUpperCase() + words.slice(1);
}
