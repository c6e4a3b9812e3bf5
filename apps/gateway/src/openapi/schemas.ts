import { type DescEnum, type DescField, type DescMessage } from '@bufbuild/protobuf';
import { type Annotations, FieldBehavior } from '../descriptors/annotations.js';
import { type Comments } from './comments.js';
import { type Schema } from './types.js';
import { scalarSchema, wellKnownSchema } from './well-known.js';

/** Writes messages and enums as component schemas, each once, when something first refers to it. */
export class Schemas {
  /** By the full name of the type, which is stable and unique: `user.v1.User`. */
  readonly components: Record<string, Schema> = {};

  constructor(
    private readonly annotations: Annotations,
    private readonly comments: Comments,
  ) {}

  /** The message's schema, or a reference to it. */
  ofMessage(message: DescMessage): Schema {
    const wellKnown = wellKnownSchema(message);
    if (wellKnown) return wellKnown;
    if (!this.components[message.typeName]) {
      // The place is taken first: a message may contain itself.
      const schema: Schema = (this.components[message.typeName] = {});
      Object.assign(schema, this.ofFields(message, message.fields), describe(this.comments.of(message)));
    }
    return { $ref: `#/components/schemas/${message.typeName}` };
  }

  /** An object with some fields of a message. `required` is left out where a caller gives what it wants to change. */
  ofFields(message: DescMessage, fields: readonly DescField[], options: { partial?: boolean } = {}): Schema {
    const properties = Object.fromEntries(fields.map((field) => [field.jsonName, this.ofField(field)]));
    const required = fields
      .filter((field) => this.annotations.behaves(field, FieldBehavior.REQUIRED))
      .map(({ jsonName }) => jsonName);
    const schema: Schema = { type: 'object', properties };
    if (required.length > 0 && !options.partial) schema.required = required;
    const exclusive = message.oneofs
      .map((oneof) => oneof.fields.filter((field) => fields.includes(field)).map(({ jsonName }) => jsonName))
      .filter((names) => names.length > 1);
    if (exclusive.length > 0) schema.allOf = exclusive.map(atMostOne);
    return schema;
  }

  /** A field's schema with its comment and what its google.api.field_behavior says. */
  ofField(field: DescField): Schema {
    const schema: Schema = { ...this.ofValue(field), ...describe(this.comments.of(field)) };
    if (this.annotations.behaves(field, FieldBehavior.OUTPUT_ONLY)) schema.readOnly = true;
    if (this.annotations.behaves(field, FieldBehavior.INPUT_ONLY)) schema.writeOnly = true;
    if (field.deprecated) schema.deprecated = true;
    return schema;
  }

  private ofValue(field: DescField): Schema {
    if (field.fieldKind === 'list') return { type: 'array', items: this.ofItem(field) };
    if (field.fieldKind === 'map') return { type: 'object', additionalProperties: this.ofItem(field) };
    return this.ofItem(field);
  }

  /** Of a field that is no list and no map, of an item of a list, of a value of a map. */
  private ofItem({ message, enum: enumeration, scalar }: DescField): Schema {
    if (message) return this.ofMessage(message);
    if (enumeration) return this.ofEnum(enumeration);
    if (scalar === undefined) throw new Error('a field is neither a message nor an enum nor a scalar');
    return scalarSchema(scalar);
  }

  private ofEnum(enumeration: DescEnum): Schema {
    const { typeName, values } = enumeration;
    if (typeName === 'google.protobuf.NullValue') return { type: 'null' };
    if (!this.components[typeName]) {
      const meanings = values.map((value) => {
        const comment = this.comments.of(value).replaceAll('\n', ' ');
        return `- \`${value.name}\`${comment === '' ? '' : `: ${comment}`}`;
      });
      const description = [this.comments.of(enumeration), meanings.join('\n')].filter(Boolean).join('\n\n');
      this.components[typeName] = { type: 'string', enum: values.map(({ name }) => name), description };
    }
    return { $ref: `#/components/schemas/${typeName}` };
  }
}

function describe(comment: string): { description?: string } {
  return comment === '' ? {} : { description: comment };
}

/** The fields of a oneof: any one of them, or none. */
function atMostOne(names: string[]): Schema {
  const each = names.map((name) => ({ required: [name] }));
  return { oneOf: [...each, { not: { anyOf: each } }] };
}
