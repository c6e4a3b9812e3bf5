import { Injectable } from '@nestjs/common';
import { type DescMethod, type DescService } from '@bufbuild/protobuf';
import { ApiRegistry } from '../descriptors/registry.js';
import { type RestBinding, objectIn } from '../descriptors/rest-binding.js';
import { updateMaskField } from '../rest/field-mask.js';
import { Comments, firstSentence } from './comments.js';
import { queryParameters } from './parameters.js';
import { OpenApiPaths } from './paths.js';
import { PROBLEM_SCHEMA, refusalComponents, responsesOf } from './responses.js';
import { Schemas } from './schemas.js';
import { type OpenApiDocument, type Operation, type Schema } from './types.js';

/** The verbs that OpenAPI 3.1 has a place for. */
const VERBS = new Set(['GET', 'PUT', 'POST', 'DELETE', 'OPTIONS', 'HEAD', 'PATCH', 'TRACE']);

/** The OpenAPI document of what the gateway serves, built once from the same descriptors. */
@Injectable()
export class OpenApi {
  readonly document: OpenApiDocument;

  constructor(api: ApiRegistry) {
    this.document = buildOpenApi(api);
  }
}

/** Builds the document. A custom verb that OpenAPI has no place for is left out of it; the gateway serves it all the same. */
export function buildOpenApi(api: ApiRegistry): OpenApiDocument {
  const comments = new Comments();
  const schemas = new Schemas(api.annotations, comments);
  const paths = new OpenApiPaths(schemas);
  const tagOf = uniqueTags(api.services);
  const document: OpenApiDocument = {
    openapi: '3.1.0',
    info: {
      title: 'Rookery API',
      version: '1',
      description: 'REST for the gRPC services of the platform, as their protos describe it.',
    },
    servers: [{ url: '/' }],
    // Both: whether a call needs a token is the service's decision.
    security: [{}, { bearer: [] }],
    tags: api.services.map((service) => ({ name: tagOf(service), ...described(comments.of(service)) })),
    paths: {},
    components: {
      schemas: { Problem: PROBLEM_SCHEMA },
      responses: refusalComponents(),
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } },
    },
  };
  for (const binding of api.bindings.filter(({ verb }) => VERBS.has(verb))) {
    const { path, parameters } = paths.of(binding);
    const all = [...parameters, ...queryParameters(binding, schemas, api.annotations)];
    const item = (document.paths[path] ??= {});
    item[binding.verb.toLowerCase()] = {
      operationId: operationId(tagOf(binding.method.parent), binding),
      tags: [tagOf(binding.method.parent)],
      ...summarized(comments.of(binding.method)),
      ...(binding.method.deprecated && { deprecated: true }),
      ...(all.length > 0 && { parameters: all }),
      ...bodyOf(binding, schemas),
      responses: responsesOf(binding, schemas),
    };
  }
  const names = Object.keys(schemas.components).sort();
  for (const name of names) document.components.schemas[name] = schemas.components[name] as Schema;
  return document;
}

function bodyOf(binding: RestBinding, schemas: Schemas): Pick<Operation, 'requestBody'> {
  const { body, method } = binding;
  if (body === undefined) return {};
  const content = (schema: Schema, required: boolean) => ({
    requestBody: { required, content: { 'application/json': { schema } } },
  });
  if (body !== 'request') {
    const message = objectIn(body);
    if (!message || !updateMaskField(binding)) return content(schemas.ofField(body), true);
    const inPath = new Set(binding.pathFields.map(({ leaf }) => leaf));
    return content(
      schemas.ofFields(
        message,
        message.fields.filter((field) => !inPath.has(field)),
        { partial: true },
      ),
      true,
    );
  }
  const inPath = new Set(binding.pathFields.filter(({ fields }) => fields.length === 1).map(({ leaf }) => leaf));
  if (inPath.size === 0) return content(schemas.ofMessage(method.input), true);
  const rest = schemas.ofFields(
    method.input,
    method.input.fields.filter((field) => !inPath.has(field)),
  );
  return content(rest, rest.required !== undefined);
}

/** `UserService_GetUser`, for additional bindings `UserService_GetUser_2` and so on. */
function operationId(tag: string, { method, index }: RestBinding): string {
  const own = `${tag.replaceAll('.', '_')}_${method.name}`;
  return index === 0 ? own : `${own}_${index + 1}`;
}

/** A service's short name, or its full one when two packages have a service of that name. */
function uniqueTags(services: readonly DescService[]): (service: DescMethod['parent']) => string {
  return (service) => {
    const twins = services.filter(({ name }) => name === service.name);
    return twins.length > 1 ? service.typeName : service.name;
  };
}

function summarized(comment: string): { summary?: string; description?: string } {
  return comment === '' ? {} : { summary: firstSentence(comment), description: comment };
}

function described(comment: string): { description?: string } {
  return comment === '' ? {} : { description: comment };
}
