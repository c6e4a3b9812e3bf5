import { ScalarType } from '@bufbuild/protobuf';
import { contractsOf, typeOf } from './names.js';

/** Messages of Google's that ts-proto maps to types of JavaScript. */
const NATIVE = {
  Timestamp: 'Date',
  FieldMask: 'string[]',
  Struct: 'Record<string, unknown>',
  Value: 'unknown',
  ListValue: 'unknown[]',
  DoubleValue: 'number',
  FloatValue: 'number',
  Int32Value: 'number',
  UInt32Value: 'number',
  Int64Value: 'bigint',
  UInt64Value: 'bigint',
  BoolValue: 'boolean',
  StringValue: 'string',
  BytesValue: 'Buffer',
};

const SCALARS = {
  [ScalarType.BOOL]: 'boolean',
  [ScalarType.STRING]: 'string',
  [ScalarType.BYTES]: 'Buffer',
  ...Object.fromEntries(
    [ScalarType.INT64, ScalarType.UINT64, ScalarType.SINT64, ScalarType.FIXED64, ScalarType.SFIXED64].map((type) => [
      type,
      'bigint',
    ]),
  ),
};

const scalar = (type) => SCALARS[type] ?? 'number';
const isFloating = (type) => type === ScalarType.DOUBLE || type === ScalarType.FLOAT;

/** The name of a well-known type that is no message in TypeScript, such as `Timestamp`. */
export function nativeOf(message) {
  const name = /^google\.protobuf\.(\w+)$/.exec(message?.typeName ?? '')?.[1];
  return name !== undefined && name in NATIVE ? name : undefined;
}

/** Whether it is a wrapper of a scalar, which ts-proto takes for one that may be missing wherever it is. */
export function isBoxed(message) {
  return /^(Double|Float|U?Int(32|64)|Bool|String|Bytes)Value$/.test(nativeOf(message) ?? '');
}

/** What a field holds, once for each value of a list or a map: `kind` is `list`, `map` or `single`. */
export function contentOf(field) {
  const { fieldKind: kind } = field;
  if (kind === 'list') return { kind: 'list', holds: field.listKind, field };
  if (kind === 'map') return { kind: 'map', holds: field.mapKind, field };
  return { kind: 'single', holds: kind, field };
}

/** Whether it holds a number that may be NaN or infinite. */
export function isFloat({ holds, field }) {
  return holds === 'scalar'
    ? isFloating(field.scalar)
    : ['DoubleValue', 'FloatValue'].includes(nativeOf(field.message));
}

/** The TypeScript type of a field's value, where nothing is said of `undefined`. */
export function typeText(field, file, messageType) {
  const { kind, holds } = contentOf(field);
  const text = valueText(field, holds, file, messageType);
  if (kind === 'list') return text.endsWith(']') || /^[\w.]+$/.test(text) ? `${text}[]` : `(${text})[]`;
  if (kind !== 'map') return text;
  const key = scalar(field.mapKey);
  return `${key === 'string' || key === 'number' ? 'Record' : 'Map'}<${key}, ${text}>`;
}

function valueText(field, holds, file, messageType) {
  if (holds === 'scalar') return scalar(field.scalar);
  if (holds === 'enum') return file.type(contractsOf(field.enum), typeOf(field.enum));
  const native = nativeOf(field.message);
  return native ? NATIVE[native] : messageType(field.message);
}
