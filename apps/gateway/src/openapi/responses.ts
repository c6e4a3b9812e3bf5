import { type RestBinding, successStatus } from '../descriptors/rest-binding.js';
import { PROBLEM_JSON } from '../rest/problem.js';
import { type Schemas } from './schemas.js';
import { type Schema } from './types.js';

/** The refusals that any call may meet: component name and what it says. */
const REFUSALS: Readonly<Record<string, readonly [name: string, description: string]>> = {
  '400': ['BadRequest', 'The request is wrong, or the system is not in the state it needs; `violations` says what.'],
  '401': ['Unauthorized', 'Who calls is not known.'],
  '403': ['Forbidden', 'Who calls may not do this.'],
  '404': ['NotFound', 'What was asked for does not exist.'],
  '409': ['Conflict', 'It exists already, or somebody else changed it at the same time.'],
  '429': ['TooManyRequests', 'A limit is reached; `retry-after` says when to try again.'],
  '500': ['InternalServerError', 'A defect.'],
  '503': ['ServiceUnavailable', 'The service cannot be reached right now.'],
  '504': ['GatewayTimeout', 'The service did not answer in time.'],
  default: ['Problem', 'Any other refusal.'],
};

/** The schema of every refusal (RFC 9457 with the platform's members). */
export const PROBLEM_SCHEMA: Schema = {
  type: 'object',
  description: 'Why there is no answer (RFC 9457).',
  required: ['type', 'title', 'status', 'detail', 'code', 'reason', 'requestId'],
  properties: {
    type: { type: 'string', format: 'uri-reference', description: 'Always about:blank; programs decide on `reason`.' },
    title: { type: 'string', description: 'The kind of refusal, for people.' },
    status: { type: 'integer', description: 'The HTTP status.' },
    detail: { type: 'string', description: 'What happened, for people.' },
    instance: { type: 'string', description: 'The path of the request.' },
    code: { type: 'string', description: 'The gRPC code.', examples: ['NOT_FOUND'] },
    reason: { type: 'string', description: 'What happened, for programs; unique within `domain`.' },
    domain: { type: 'string', description: 'Who gives `reason` its meaning, such as the service.' },
    metadata: { type: 'object', additionalProperties: { type: 'string' }, description: 'Further facts.' },
    violations: {
      type: 'array',
      description: 'The fields that are wrong (by JSON name), or the preconditions that do not hold.',
      items: {
        type: 'object',
        required: ['description'],
        properties: {
          field: { type: 'string' },
          type: { type: 'string' },
          subject: { type: 'string' },
          description: { type: 'string' },
        },
      },
    },
    retryAfter: { type: 'number', description: 'Milliseconds after which a retry makes sense.' },
    requestId: { type: 'string', description: 'Names the request in the logs of every service.' },
  },
};

/** Each refusal as a component. */
export function refusalComponents(): Record<string, unknown> {
  const mediaType = PROBLEM_JSON.split(';')[0] ?? PROBLEM_JSON;
  const content = { [mediaType]: { schema: { $ref: '#/components/schemas/Problem' } } };
  return Object.fromEntries(Object.values(REFUSALS).map(([name, description]) => [name, { description, content }]));
}

/** The answers of a binding: its success and every refusal. */
export function responsesOf(binding: RestBinding, schemas: Schemas): Record<string, unknown> {
  const { method, responseField } = binding;
  const status = successStatus(binding);
  const description = status === 201 ? 'Created' : 'OK';
  const schema = responseField ? schemas.ofField(responseField) : schemas.ofMessage(method.output);
  const streams = method.methodKind === 'server_streaming';
  return {
    [status]: streams ? eventStream(schema) : { description, content: { 'application/json': { schema } } },
    ...Object.fromEntries(
      Object.entries(REFUSALS).map(([status, [name]]) => [status, { $ref: `#/components/responses/${name}` }]),
    ),
  };
}

/** OpenAPI 3.1 has no word for the items of a stream; JSON Schema has one for what a text contains. */
function eventStream(item: Schema): unknown {
  return {
    description:
      'A stream of events. Each message is the `data` of an event without a name, as JSON of `contentSchema`. The last event ' +
      'is `end`, or `error` with a Problem as its data.',
    content: {
      'text/event-stream': { schema: { type: 'string', contentMediaType: 'application/json', contentSchema: item } },
    },
  };
}
