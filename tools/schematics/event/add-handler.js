import ts from 'typescript';
import { EditedFile, classesIn } from '../proto/edited-file.js';
import { SourceFile } from '../proto/source-file.js';
import { camel } from '../workspace/class-name.js';
import { put } from '../workspace/put.js';

/**
 * Has a service handle an event: in the class that handles events already, in its `…-events.controller.ts`, or in a new one.
 * @returns the class that the module has to list, when it is new
 */
export function addHandler(tree, { app, kebab }, { Event, contracts }) {
  const folder = `apps/${app}/src`;
  const stem = `${kebab}-events.controller`;
  const path = `${folder}/${stem}.ts`;
  const there = tree.read(path)?.toString();
  const known = there && classesIn(there).find((each) => ts.getDecorators(each)?.length)?.name.text;
  if (there !== undefined && !known) throw new Error(`${path} has no controller. Nothing was changed.`);
  const name = known ?? classNameOf(kebab);
  const file = known ? new EditedFile(stem, there) : new SourceFile(stem, [name]);
  const method = handlerText(file, name, { Event, contracts });
  if (known) file.addMethod(name, camel(Event), method);
  else
    file.add(
      `/** What ${app} does when something has happened. */\n@${file.value('@nestjs/common', 'Controller')}()\nexport class ${name} {\n${method}\n}`,
    );
  put(tree, path, String(file));
  return known ? undefined : { name, module: `./${stem}.js` };
}

function handlerText(file, className, { Event, contracts }) {
  const [event, handles] = [file.value(contracts, Event), file.value('@rookery/messaging', 'OnEvent')];
  const [received, manager] = [
    file.type('@rookery/messaging', 'ReceivedEvent'),
    file.value('typeorm', 'EntityManager'),
  ];
  const logger = file.value('@nestjs/common', 'Logger');
  return `/** What it does through \`_tx\` happens once for each event. */
@${handles}(${event})
async ${camel(Event)}({ payload }: ${received}<${event}>, _tx: ${manager}): Promise<void> {
${logger}.log(\`${Event} \${payload.id}\`, ${className}.name);
}`;
}

function classNameOf(kebab) {
  const words = kebab.split('-').map((word) => word[0].toUpperCase() + word.slice(1));
  return `${words.join('')}EventsController`;
}
