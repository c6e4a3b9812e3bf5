import { ScalarType } from '@bufbuild/protobuf';
import { FeatureSet_FieldPresence } from '@bufbuild/protobuf/wkt';
import { contentOf, isFloat, nativeOf } from './field-type.js';
import { contractsOf, typeOf } from './names.js';

const NANOS = ['Min(-999_999_999)', 'Max(999_999_999)'];

/** What the comments of Google's own messages say of their fields. */
const DOCUMENTED = {
  'google.protobuf.Duration.nanos': NANOS,
  'google.type.Money.nanos': NANOS,
  'google.type.Money.currency_code': [
    "Matches(/^[A-Z]{3}$/, { message: 'currencyCode must be an ISO 4217 code such as EUR' })",
  ],
};

/**
 * The decorators of a field, without their @. Whatever the wire guarantees (a string is a string) needs none.
 * @param {import('./source-file.js').SourceFile} file which imports them
 * @param {(message) => string | undefined} classOf the DTO class of a message, when it has one
 */
export function rulesOf(field, { file, classOf, required = false }) {
  const content = contentOf(field);
  const { kind } = content;
  const values = valueRules(content, file, classOf);
  const rules = kind === 'map' ? [`${file.value('@rookery/grpc', 'MapOf')}(${values.join(', ')})`] : values;
  return [...presenceRules(field, kind, required, rules, file), ...rules];
}

/** The rules of a oneof's members, or none when no member has any. */
export function oneofRules(oneof, { file, classOf, nameOf }) {
  const members = oneof.fields.flatMap((field) => {
    const rules = valueRules(contentOf(field), file, classOf);
    return rules.length > 0 ? [`${nameOf(field)}: [${rules.join(', ')}]`] : [];
  });
  return members.length > 0 ? [`${file.value('@rookery/grpc', 'OneOf')}({ ${members.join(', ')} })`] : [];
}

/** Whether its value may be undefined. */
export function hasPresence(field) {
  return isOptional(field) || field.fieldKind === 'message';
}

/** Whether the proto says `optional`. */
export function isOptional({ proto, fieldKind, presence, oneof }) {
  if (proto.proto3Optional) return true;
  const explicit = FeatureSet_FieldPresence.EXPLICIT;
  return presence === explicit && oneof === undefined && (fieldKind === 'scalar' || fieldKind === 'enum');
}

function presenceRules(field, kind, required, rules, file) {
  const optional = kind === 'single' && hasPresence(field);
  if (!required) return optional && rules.length > 0 ? [validator(file, 'IsOptional()')] : [];
  // Other rules than that of nested messages refuse undefined themselves.
  if (optional) return rules.length === 0 || rules.length > 1 ? [validator(file, 'IsDefined()')] : [];
  return isPlainBool(field) ? [] : [`${file.value('@rookery/grpc', 'IsRequired')}()`];
}

function valueRules(content, file, classOf) {
  const { kind, holds, field } = content;
  const each = kind === 'list' ? '{ each: true }' : '';
  if (holds === 'enum') {
    const values = file.value(contractsOf(field.enum), typeOf(field.enum));
    return [`${file.value('@rookery/grpc', 'IsEnumValue')}(${values}${each && `, ${each}`})`];
  }
  const documented = DOCUMENTED[`${field.parent.typeName}.${field.name}`];
  if (documented) return documented.map((rule) => validator(file, rule));
  if (isFloat(content)) return [validator(file, `IsNumber(${each && `{}, ${each}`})`)];
  if (holds !== 'message') return [];
  if (nativeOf(field.message) === 'Timestamp') return [validator(file, `IsDate(${each})`)];
  const type = classOf(field);
  if (type === undefined) return [];
  return [validator(file, `ValidateNested(${each})`), `${file.value('class-transformer', 'Type')}(() => ${type})`];
}

/** A bool without presence, which cannot be required: it may be false on purpose. */
export function isPlainBool(field) {
  return field.fieldKind === 'scalar' && field.scalar === ScalarType.BOOL && !isOptional(field);
}

/** `IsDate()` of class-validator, called as this file imports it. */
function validator(file, call) {
  const name = /^\w+/.exec(call)[0];
  return file.value('class-validator', name) + call.slice(name.length);
}
