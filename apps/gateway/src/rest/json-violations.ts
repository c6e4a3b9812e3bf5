import { type DescField, type DescMessage, type JsonValue, type Registry, fromJson } from '@bufbuild/protobuf';
import { type FieldViolation } from '@rookery/errors';
import { hasOwnJsonForm } from '../descriptors/json-form.js';

/** More than these help nobody, and a hostile body could hold a hundred thousand. */
const MAX_VIOLATIONS = 20;
/** protojson's own limit. */
const MAX_DEPTH = 100;

/**
 * Every place at which `json` is no `message`, by its path. protojson stops at the first one and does not say where it
 * is in the whole, so this walks the value again; it only runs when protojson has refused it.
 */
export function jsonViolations(message: DescMessage, json: JsonValue, types: Registry, prefix = ''): FieldViolation[] {
  const violations: FieldViolation[] = [];
  walkMessage({ types, violations }, message, json, prefix, 0);
  return violations.slice(0, MAX_VIOLATIONS);
}

/** What protojson says, without the name of the type it says it of. */
export function protojsonReason(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/^cannot decode (field|message|enum|oneof) \S+ from JSON: /, '');
}

interface Walk {
  readonly types: Registry;
  readonly violations: FieldViolation[];
}

function walkMessage(walk: Walk, message: DescMessage, json: JsonValue, path: string, depth: number): void {
  if (walk.violations.length >= MAX_VIOLATIONS) return;
  if (depth > MAX_DEPTH) {
    walk.violations.push({ field: path, description: `is nested deeper than ${MAX_DEPTH} messages` });
  } else if (hasOwnJsonForm(message)) {
    attempt(walk, path, () => fromJson(message, json, { registry: walk.types }));
  } else if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    walk.violations.push({ field: path, description: `expected an object, got ${kindOf(json)}` });
  } else {
    for (const [key, value] of Object.entries(json)) {
      const at = path === '' ? key : `${path}.${key}`;
      const field = message.fields.find(({ name, jsonName }) => name === key || jsonName === key);
      if (field) walkField(walk, message, field, value, path === '' ? field.name : `${path}.${field.name}`, depth);
      else walk.violations.push({ field: at, description: `is not a field of ${message.typeName}` });
    }
  }
}

function walkField(
  walk: Walk,
  parent: DescMessage,
  field: DescField,
  json: JsonValue,
  path: string,
  depth: number,
): void {
  const inner = field.fieldKind === 'enum' || field.fieldKind === 'scalar' ? undefined : field.message;
  if (!inner || json === null || hasOwnJsonForm(inner)) {
    attempt(walk, path, () => fromJson(parent, { [field.jsonName]: json }, { registry: walk.types }));
  } else if (field.fieldKind === 'message') {
    walkMessage(walk, inner, json, path, depth + 1);
  } else if (field.fieldKind === 'list' && Array.isArray(json)) {
    json.forEach((item, index) => walkMessage(walk, inner, item, `${path}[${index}]`, depth + 1));
  } else if (field.fieldKind === 'map' && typeof json === 'object' && !Array.isArray(json)) {
    for (const [key, value] of Object.entries(json)) walkMessage(walk, inner, value, `${path}["${key}"]`, depth + 1);
  } else {
    walk.violations.push({
      field: path,
      description: `expected an ${field.fieldKind === 'list' ? 'array' : 'object'}, got ${kindOf(json)}`,
    });
  }
}

function attempt(walk: Walk, field: string, parse: () => unknown): void {
  try {
    parse();
  } catch (error) {
    walk.violations.push({ field, description: protojsonReason(error) });
  }
}

function kindOf(json: JsonValue): string {
  if (json === null) return 'null';
  if (Array.isArray(json)) return 'an array';
  return typeof json === 'object' ? 'an object' : `a ${typeof json}`;
}
