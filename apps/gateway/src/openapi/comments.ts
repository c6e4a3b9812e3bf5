import {
  type DescEnum,
  type DescEnumValue,
  type DescField,
  type DescMessage,
  type DescMethod,
  type DescService,
} from '@bufbuild/protobuf';
import { type FileDescriptorProto } from '@bufbuild/protobuf/wkt';

type Described = DescMessage | DescEnum | DescEnumValue | DescField | DescMethod | DescService;

// Field numbers of google/protobuf/descriptor.proto: how source_code_info says what a comment belongs to.
const FILE = { message: 4, enum: 5, service: 6 };
const MESSAGE = { field: 2, nested: 3, enum: 4 };
const ENUM_VALUE = 2;
const SERVICE_METHOD = 2;

/** The comments of the protos, as people wrote them above (or behind) what they are about. */
export class Comments {
  private readonly files = new WeakMap<FileDescriptorProto, Map<string, string>>();

  /** Without comment signs and linter directives; empty when there is none. */
  of(described: Described): string {
    const file = ('file' in described ? described : described.parent).file.proto;
    return this.in(file).get(pathOf(described).join()) ?? '';
  }

  private in(file: FileDescriptorProto): Map<string, string> {
    const known = this.files.get(file);
    if (known) return known;
    const comments = new Map<string, string>();
    for (const { path, leadingComments, trailingComments } of file.sourceCodeInfo?.location ?? []) {
      const text = clean(leadingComments) || clean(trailingComments);
      if (text !== '') comments.set(path.join(), text);
    }
    this.files.set(file, comments);
    return comments;
  }
}

/** The first sentence, on one line, without its full stop: a summary. */
export function firstSentence(comment: string): string {
  const line = comment.split('\n\n')[0]?.replaceAll('\n', ' ') ?? '';
  const sentence = /^.*?[.!?](?=\s|$)/.exec(line)?.[0] ?? line;
  return sentence.replace(/\.$/, '');
}

function clean(comment: string): string {
  return comment
    .split('\n')
    .map((line) => line.replace(/^ /, '').trimEnd())
    .filter((line) => !/^(buf:lint:|@exclude|--\))/.test(line))
    .join('\n')
    .trim();
}

function pathOf(described: Described): number[] {
  switch (described.kind) {
    case 'message': {
      const { parent, proto, file } = described;
      return parent
        ? [...pathOf(parent), MESSAGE.nested, parent.proto.nestedType.indexOf(proto)]
        : [FILE.message, file.proto.messageType.indexOf(proto)];
    }
    case 'enum': {
      const { parent, proto, file } = described;
      return parent
        ? [...pathOf(parent), MESSAGE.enum, parent.proto.enumType.indexOf(proto)]
        : [FILE.enum, file.proto.enumType.indexOf(proto)];
    }
    case 'service':
      return [FILE.service, described.file.proto.service.indexOf(described.proto)];
    case 'field':
      return [...pathOf(described.parent), MESSAGE.field, described.parent.proto.field.indexOf(described.proto)];
    case 'enum_value':
      return [...pathOf(described.parent), ENUM_VALUE, described.parent.proto.value.indexOf(described.proto)];
    case 'rpc':
      return [...pathOf(described.parent), SERVICE_METHOD, described.parent.proto.method.indexOf(described.proto)];
  }
}
