import { METHODS } from 'node:http';
import { type DescField, type DescMessage, type DescMethod } from '@bufbuild/protobuf';
import { type PathTemplate, parsePathTemplate } from '../routing/path-template.js';
import { type FieldPath, FieldPathError, resolveFieldPath } from './field-path.js';
import { type HttpRule } from './http-rule.js';
import { hasOwnJsonForm, hasTextForm } from './json-form.js';

/** One verb and path of REST and the RPC it stands for, checked against the RPC's messages. */
export interface RestBinding {
  /** Upper case; `*` is any verb. */
  readonly verb: string;
  readonly template: PathTemplate;
  readonly method: DescMethod;
  /** `user.v1.UserService/GetUser` */
  readonly rpc: string;
  /** The request fields that the template's variables fill, in the same order. */
  readonly pathFields: readonly FieldPath[];
  /** What the body is: the whole request, one field of it, or nothing. */
  readonly body: 'request' | DescField | undefined;
  /** The field of the response that is the answer; undefined is all of it. */
  readonly responseField: DescField | undefined;
  /** 0 for the RPC's own rule, 1 for its first additional binding, … */
  readonly index: number;
}

/** `user.v1.UserService/GetUser` */
export function rpcName(method: DescMethod): string {
  return `${method.parent.typeName}/${method.name}`;
}

/** The HTTP status of a success: 201 for a standard Create method (AIP-133), 200 for every other. */
export function successStatus({ verb, method }: Pick<RestBinding, 'verb' | 'method'>): 200 | 201 {
  return verb === 'POST' && method.methodKind === 'unary' && /^Create[A-Z]/.test(method.name) ? 201 : 200;
}

/** @throws {Error} whose message ends the sentence "`rpc`: …" */
export function bindRule(method: DescMethod, rule: HttpRule, index: number): RestBinding {
  const { verb } = rule;
  if (verb === undefined)
    throw new Error('google.api.http has no pattern; write get, put, post, delete, patch or custom');
  if (verb !== '*' && (!METHODS.includes(verb) || verb === 'CONNECT')) {
    throw new Error(`google.api.http has the custom verb "${verb}", which HTTP servers do not know`);
  }
  if (method.methodKind !== 'unary' && method.methodKind !== 'server_streaming') {
    throw new Error('google.api.http is on an RPC with a stream of requests, which REST has no form for; remove it');
  }
  const template = parsePathTemplate(rule.path);
  const pathFields = template.variables.map(({ name }) => pathField(method, name));
  if (rule.body !== '' && ['GET', 'HEAD'].includes(verb)) throw new Error(`google.api.http has a body on ${verb}`);
  return {
    verb,
    template,
    method,
    rpc: rpcName(method),
    pathFields,
    body: rule.body === '*' ? 'request' : rule.body === '' ? undefined : namedField(method, 'body', rule.body),
    responseField: rule.responseBody === '' ? undefined : namedField(method, 'response_body', rule.responseBody),
    index,
  };
}

function pathField(method: DescMethod, name: string): FieldPath {
  try {
    const path = resolveFieldPath(method.input, name);
    const { leaf } = path;
    const single = leaf.fieldKind === 'scalar' || leaf.fieldKind === 'enum';
    if (single || (leaf.fieldKind === 'message' && hasTextForm(leaf.message))) return path;
    throw new FieldPathError('is no single value');
  } catch (error) {
    if (!(error instanceof FieldPathError)) throw error;
    throw new Error(`the path variable {${name}} ${error.message}`, { cause: error });
  }
}

function namedField(method: DescMethod, option: 'body' | 'response_body', name: string): DescField {
  const message = option === 'body' ? method.input : method.output;
  const field = message.fields.find((candidate) => candidate.name === name);
  if (!field) throw new Error(`${option}: "${name}" is not a field of ${message.typeName}`);
  return field;
}

/** The message whose JSON object the field holds, or undefined for a scalar, a list, a map or a Timestamp and its like. */
export function objectIn(field: DescField): DescMessage | undefined {
  return field.fieldKind === 'message' && !hasOwnJsonForm(field.message) ? field.message : undefined;
}
