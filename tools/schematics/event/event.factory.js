import { chain } from '@angular-devkit/schematics';
import { className, wordsOf } from '../workspace/class-name.js';
import { existingService } from '../workspace/existing-service.js';
import { format } from '../workspace/format.js';
import { withImport, withName } from '../workspace/lists.js';
import { withProtoImport } from '../workspace/proto-text.js';
import { put } from '../workspace/put.js';
import { templates } from '../workspace/templates.js';

/** Adds an event: its message, a provider that publishes it, a handler in the service that wants it, and a spec of both. */
export function event({ name, consumer: consumerName, ...where }) {
  return async (tree) => {
    const Event = className(name, 'an event');
    const publisher = ableService(tree, where, 'publish');
    const consumer = consumerName === undefined ? publisher : ableService(tree, { project: consumerName }, 'handle');
    const file = wordsOf(Event).replaceAll(' ', '-');
    const described = {
      Event,
      file,
      contracts: `@rookery/contracts/${publisher.protoPackage.replaceAll('.', '/')}`,
      publisher: { app: publisher.app, Module: moduleClass(publisher) },
      consumer: { app: consumer.app, Module: moduleClass(consumer) },
    };
    const path = `apps/${publisher.app}/src/${file}.publisher.ts`;
    const spec = `test/integration/${publisher.app}/${file}.spec.ts`;
    for (const made of [path, spec]) {
      if (tree.exists(made)) throw new Error(`${made} is there already. Nothing was changed.`);
    }
    const { addHandler } = await import('./add-handler.js');
    addMessage(tree, publisher, Event);
    list(tree, publisher.path, 'providers:', `${Event}Publisher`, `./${file}.publisher.js`);
    const added = addHandler(tree, consumer, described);
    if (added) list(tree, consumer.path, 'controllers:', added.name, added.module);
    return chain([
      templates('publisher', `apps/${publisher.app}/src`, described),
      templates('spec', `test/integration/${publisher.app}`, described),
      format(),
    ]);
  };
}

function ableService(tree, where, what) {
  const service = existingService(tree, where);
  if (service.declares('messaging') && service.declares('database')) return service;
  throw new Error(`${service.app} can ${what} no events: its module needs \`messaging: true\` and a database.`);
}

const moduleClass = ({ module }) => /export class (\w+)/.exec(module)[1];

function addMessage(tree, { protos, protoPackage, kebab }, Event) {
  const folder = tree.getDir(protos);
  const declared = new RegExp(`^\\s*message\\s+${Event}\\b`, 'm');
  const taken = folder.subfiles.find((each) => declared.test(tree.read(`${protos}/${each}`).toString()));
  if (taken) throw new Error(`${protos}/${taken} has a message ${Event} already. Nothing was changed.`);
  const file =
    folder.subfiles.find((each) => each.endsWith('_events.proto')) ?? `${kebab.replaceAll('-', '_')}_events.proto`;
  const path = `${protos}/${file}`;
  const before = tree.read(path)?.toString() ?? `syntax = "proto3";\n\npackage ${protoPackage};\n`;
  const words = wordsOf(Event);
  const message = `// ${words[0].toUpperCase()}${words.slice(1)}.
message ${Event} {
  // Of what it happened to.
  string id = 1;
  // When it happened.
  google.protobuf.Timestamp occur_time = 2;
}
`;
  put(tree, path, `${withProtoImport(before, 'google/protobuf/timestamp.proto').trimEnd()}\n\n${message}`);
}

/** Has the module list a class. */
function list(tree, path, where, name, module) {
  const listed = withName(tree.read(path).toString(), where, name);
  if (listed === undefined) throw new Error(`${path} has no list \`${where} […]\`. Nothing was changed.`);
  put(tree, path, withImport(listed, name, module));
}
