import { type DescEnum, type DescField, type DescMessage, type JsonValue, ScalarType } from '@bufbuild/protobuf';
import { isWrapperDesc } from '@bufbuild/protobuf/wkt';
import { hasTextForm } from '../descriptors/json-form.js';

/** Why a text is no value of a field, as the whole description of a violation. */
export class TextValueError extends Error {}

const FLOATS = new Set([ScalarType.DOUBLE, ScalarType.FLOAT]);
const TEXTS = new Set([ScalarType.STRING, ScalarType.BYTES]);

/** Whether a path variable or a query parameter can hold the field (or one of its values, when it is repeated). */
export function isTextField(field: DescField): boolean {
  if (field.fieldKind === 'map') return false;
  const { message } = field;
  return message === undefined || hasTextForm(message);
}

/**
 * The protojson value that a text of a URL stands for: of the field, or of one item of it when it is repeated. protojson
 * itself decides afterwards whether the value is in range; what is refused here is text that it would misread.
 * @throws {TextValueError}
 */
export function jsonOfText(field: DescField, text: string): JsonValue {
  if (field.fieldKind === 'map') throw new TextValueError('is a map, which a URL cannot hold; send it in a body');
  const { message, enum: enumeration, scalar } = field;
  if (message) return jsonOfMessage(message, text);
  return enumeration ? jsonOfEnum(enumeration, text) : jsonOfScalar(scalar ?? ScalarType.STRING, text);
}

function jsonOfScalar(type: ScalarType, text: string): JsonValue {
  if (TEXTS.has(type)) return text;
  if (type === ScalarType.BOOL) {
    if (text !== 'true' && text !== 'false') throw new TextValueError(`expected true or false, got "${text}"`);
    return text === 'true';
  }
  if (FLOATS.has(type)) {
    if (!/^(-?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|NaN|-?Infinity)$/.test(text)) {
      throw new TextValueError(`expected a number, got "${text}"`);
    }
    return text;
  }
  if (!/^-?\d+$/.test(text)) throw new TextValueError(`expected a whole number, got "${text}"`);
  return text;
}

function jsonOfEnum({ values }: DescEnum, text: string): JsonValue {
  if (/^-?\d+$/.test(text)) return Number(text);
  if (values.some(({ name }) => name === text)) return text;
  throw new TextValueError(`expected one of ${values.map(({ name }) => name).join(', ')}, got "${text}"`);
}

function jsonOfMessage(message: DescMessage, text: string): JsonValue {
  const [wrapped] = message.fields;
  if (isWrapperDesc(message) && wrapped) return jsonOfText(wrapped, text);
  if (!hasTextForm(message)) throw new TextValueError(`is a ${message.typeName}; name one of its fields`);
  if (message.typeName !== 'google.protobuf.FieldMask') return text;
  // protojson writes paths in lowerCamelCase; callers know the field names of the proto too.
  return text.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
