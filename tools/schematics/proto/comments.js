/** With indentation, it fits the line. */
const LONGEST = 100;

/** Numbers of fields in google.protobuf.*DescriptorProto: the steps of a path to a declaration. */
const STEP = { message: 4, nested: 3, field: 2, service: 6, method: 2 };

/** The comment of a declaration as a doc comment on one line, or '' when it has none that is short. */
export function docOf(declaration) {
  const text = commentOf(declaration).replaceAll('*/', '* /').replaceAll(/\s+/g, ' ').trim();
  const first = /^.*?[.!?](?= [A-Z]|$)/.exec(text)?.[0] ?? text;
  const short = [text, first].find(({ length }) => length <= LONGEST) ?? '';
  return short === '' ? '' : `/** ${short} */\n`;
}

function commentOf(declaration) {
  const path = pathOf(declaration).join();
  const file = declaration.file ?? declaration.parent.file;
  const location = file.proto.sourceCodeInfo?.location.find((candidate) => candidate.path.join() === path);
  return location?.leadingComments || location?.trailingComments || '';
}

function pathOf({ kind, parent, file, proto }) {
  if (kind === 'field') return [...pathOf(parent), STEP.field, parent.fields.findIndex((each) => each.proto === proto)];
  if (kind === 'rpc') return [...pathOf(parent), STEP.method, parent.methods.findIndex((each) => each.proto === proto)];
  if (kind === 'service') return [STEP.service, file.proto.service.indexOf(proto)];
  if (parent === undefined) return [STEP.message, file.proto.messageType.indexOf(proto)];
  return [...pathOf(parent), STEP.nested, parent.proto.nestedType.indexOf(proto)];
}
