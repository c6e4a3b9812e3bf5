import { type IncomingHttpHeaders } from 'node:http';
import {
  type DescField,
  type JsonValue,
  type Message,
  type Registry,
  create,
  fromJsonString,
} from '@bufbuild/protobuf';
import { InvalidArgument } from '@rookery/errors';
import { type RestBinding } from '../descriptors/rest-binding.js';
import { HttpError } from './http-error.js';
import { jsonViolations, protojsonReason } from './json-violations.js';

/** A body as protojson and as the message it makes; the JSON is kept for the field mask. */
export interface ParsedBody {
  readonly message: Message;
  /** Undefined when there was no body. */
  readonly json: JsonValue | undefined;
}

/**
 * Refuses, before it is read, a body that the RPC does not take or that is no JSON.
 * @throws {HttpError} 415
 * @throws {InvalidArgument} when the RPC takes no body
 */
export function checkBodyHeaders({ body, rpc }: RestBinding, headers: IncomingHttpHeaders): void {
  const length = headers['content-length'];
  const has = headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0');
  if (!has) return;
  if (body === undefined) {
    throw new InvalidArgument(`${rpc} takes no body; give its fields in the path and in the query.`, {
      reason: 'UNEXPECTED_BODY',
    });
  }
  const type = headers['content-type'];
  if (!isJson(type)) {
    const got = type === undefined ? 'has no content-type' : `has the content-type "${type}"`;
    throw unsupported(`The body ${got}; send application/json in UTF-8.`, { accept: 'application/json' });
  }
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') {
    throw unsupported(`The body has the content-encoding "${encoding}"; send it as it is.`, {
      'accept-encoding': 'identity',
    });
  }
}

function unsupported(detail: string, headers: Record<string, string>): HttpError {
  return new HttpError(415, 'UNSUPPORTED_MEDIA_TYPE', detail, headers);
}

/** `application/json` and `application/*+json`; a charset other than UTF-8 is refused. */
function isJson(contentType: string | undefined): boolean {
  const [media = '', ...parameters] = (contentType ?? '')
    .toLowerCase()
    .split(';')
    .map((part) => part.trim());
  if (media !== 'application/json' && !/^application\/[^/\s]+\+json$/.test(media)) return false;
  const charset = parameters.find((parameter) => parameter.startsWith('charset='));
  return charset === undefined || /^charset="?utf-?8"?$/.test(charset);
}

/** @throws {InvalidArgument} with the fields that are wrong */
export function parseBody({ body, method }: RestBinding, bytes: Uint8Array | undefined, types: Registry): ParsedBody {
  if (body === undefined || !bytes || bytes.length === 0) return { message: create(method.input), json: undefined };
  const text = decodeText(bytes);
  const json = parseJson(text);
  // A field is parsed within an object of the request, which knows what JSON the field takes. `text` is JSON by now:
  // nothing in it can end the object early.
  const whole = body === 'request' ? text : `{${JSON.stringify(body.jsonName)}:${text}}`;
  try {
    return { message: fromJsonString(method.input, whole, { registry: types }), json };
  } catch (error) {
    const violations = jsonViolations(method.input, body === 'request' ? json : { [body.jsonName]: json }, types);
    const reason = protojsonReason(error);
    const detail =
      violations.length > 0
        ? `The body is no ${typeName(body, method.input.typeName)}.`
        : `The body cannot be read: ${reason}.`;
    throw new InvalidArgument(detail, { reason: 'INVALID_BODY', violations, cause: error });
  }
}

function typeName(body: 'request' | DescField, request: string): string {
  return body === 'request' ? request : (body.message?.typeName ?? `value of ${body.name}`);
}

function decodeText(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new InvalidArgument('The body is not UTF-8.', { reason: 'MALFORMED_JSON', cause: error });
  }
}

function parseJson(text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue;
  } catch (error) {
    throw new InvalidArgument(`The body is not JSON: ${(error as Error).message}.`, {
      reason: 'MALFORMED_JSON',
      cause: error,
    });
  }
}
