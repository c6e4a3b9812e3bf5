import { Validator } from '@seriousme/openapi-schema-validator';
import { DESCRIPTOR_SET_BASE64 } from '@rookery/contracts';
import { describe, expect, it } from 'vitest';
import { buildDescriptors } from '../descriptors/build-descriptors.fixture.js';
import { libraryDescriptors, protoOf } from '../descriptors/library.fixture.js';
import { ApiRegistry } from '../descriptors/registry.js';
import { firstSentence } from './comments.js';
import { buildOpenApi } from './document.js';
import { type OpenApiDocument, type Operation } from './types.js';

const platform = new ApiRegistry(Buffer.from(DESCRIPTOR_SET_BASE64, 'base64'));
const platformDocument = buildOpenApi(platform);
const library = buildOpenApi(new ApiRegistry(libraryDescriptors()));

function operations(document: OpenApiDocument): Operation[] {
  return Object.values(document.paths).flatMap((item) => Object.values(item));
}

function operation(document: OpenApiDocument, id: string): Operation {
  const found = operations(document).find(({ operationId }) => operationId === id);
  if (!found) throw new Error(`no operation ${id}`);
  return found;
}

/** Every reference of a document, and every schema that one points to. */
function danglingReferences(document: OpenApiDocument): string[] {
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map((match) => match[1] ?? '');
  return references.filter((reference) => {
    const [, , kind, name] = reference.split('/');
    return !(kind && name && name in Reflect.get(document.components, kind));
  });
}

describe('the OpenAPI document', () => {
  it.each([
    ['the platform', platformDocument],
    ['a proto that uses everything', library],
  ])('is valid for %s', async (_, document) => {
    const result = await new Validator().validate(JSON.parse(JSON.stringify(document)));
    expect(result.errors).toBeUndefined();
    expect(result.valid).toBe(true);
    expect(danglingReferences(document)).toEqual([]);
  });

  it('has every annotated RPC, each operationId once', () => {
    const ids = operations(platformDocument).map(({ operationId }) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.sort()).toEqual(platform.bindings.map(({ method }) => `${method.parent.name}_${method.name}`).sort());
  });

  it('says what the comments of the proto say', () => {
    expect(operation(platformDocument, 'UserService_CreateUser')).toMatchObject({
      tags: ['UserService'],
      summary: 'Creates a user',
      description: 'Creates a user. The email is unique whatever its case: a second user with it is ALREADY_EXISTS.',
    });
    expect(platformDocument.tags).toContainEqual({ name: 'OrderService', description: 'What users buy.' });
    expect(platformDocument.components.schemas['user.v1.User']).toMatchObject({
      description: 'A person who uses the platform.',
      required: ['email', 'name'],
      properties: {
        id: { type: 'string', description: 'A UUID, given by the service.', readOnly: true },
        createTime: { type: 'string', format: 'date-time', readOnly: true },
      },
    });
    const status = platformDocument.components.schemas['order.v1.OrderStatus'];
    expect(status?.description).toContain('- `ORDER_STATUS_PENDING`: Accepted, not yet confirmed.');
  });

  it('takes the first sentence as the summary, whatever it ends with', () => {
    expect(operation(library, 'LibraryService_GetBook').summary).toBe('Returns a book!');
    expect(firstSentence('Uses v1.2 of\nthe format. Then more.')).toBe('Uses v1.2 of the format');
    expect(firstSentence('No full stop\n\nAnother paragraph.')).toBe('No full stop');
  });

  it('gives every field its protojson type', () => {
    const query = operation(library, 'LibraryService_SearchBooks').parameters ?? [];
    const schemaOf = (name: string) => query.find((parameter) => parameter.name === name)?.schema;
    expect(schemaOf('copies')).toEqual({ type: 'string', format: 'int64' });
    expect(schemaOf('years')).toEqual({ type: 'array', items: { type: 'integer', format: 'int32' } });
    expect(schemaOf('sinceTime')).toEqual({ type: 'string', format: 'date-time' });
    expect(schemaOf('minPages')).toEqual({ type: ['integer', 'null'], format: 'int32' });
    expect(schemaOf('author.firstName')).toEqual({ type: 'string' });
    expect(schemaOf('genres')).toEqual({ type: 'array', items: { $ref: '#/components/schemas/library.v1.Genre' } });
    expect(query.map(({ name }) => name)).not.toContain('labels');
    expect(library.components.schemas['library.v1.Book']?.properties).toMatchObject({
      ratings: { type: 'object', additionalProperties: { type: 'integer' } },
      secret: { writeOnly: true },
      sequel: { $ref: '#/components/schemas/library.v1.Book' },
      extra: { type: 'object', required: ['@type'] },
    });
    expect(library.components.schemas['library.v1.Book']?.allOf).toEqual([
      {
        oneOf: [
          { required: ['shelf'] },
          { required: ['box'] },
          { not: { anyOf: [{ required: ['shelf'] }, { required: ['box'] }] } },
        ],
      },
    ]);
  });

  it('writes paths as OpenAPI can', () => {
    expect(Object.keys(library.paths)).toEqual([
      '/v1/shelves/{shelvesId}/books/{booksId}',
      '/v1/book-titles/{name}',
      '/v1/books:search',
      '/v1/titles/{name}',
      '/v1/files/{path}',
    ]);
    expect(Object.keys(library.paths['/v1/shelves/{shelvesId}/books/{booksId}'] ?? {})).toEqual(['get', 'patch']);
    expect(operation(library, 'LibraryService_GetBook_2').responses['200']).toMatchObject({
      content: { 'application/json': { schema: { type: 'string' } } },
    });
    // One path, whatever each RPC calls its variable.
    expect(Object.keys(platformDocument.paths['/v1/users/{id}'] ?? {}).sort()).toEqual(['delete', 'get', 'patch']);
  });

  it('requires of a PATCH only what the caller wants to change', () => {
    const body = operation(platformDocument, 'UserService_UpdateUser').requestBody?.content['application/json']?.schema;
    expect(body?.required).toBeUndefined();
    expect(Object.keys(body?.properties as object)).toEqual(['email', 'name', 'createTime', 'updateTime']);
    expect(operation(platformDocument, 'OrderService_ConfirmOrder').requestBody?.required).toBe(false);
    expect(operation(platformDocument, 'UserService_CreateUser').requestBody?.required).toBe(true);
  });

  it('answers a Create method with 201, any other with 200', () => {
    const successes = (id: string) =>
      Object.keys(operation(platformDocument, id).responses).filter((code) => code < '300');
    expect(successes('UserService_CreateUser')).toEqual(['201']);
    expect(successes('UserService_UpdateUser')).toEqual(['200']);
    expect(successes('OrderService_ConfirmOrder')).toEqual(['200']);
  });

  it('describes streams and refusals', () => {
    const { responses } = operation(platformDocument, 'OrderService_WatchOrder');
    expect(responses['200']).toMatchObject({
      content: { 'text/event-stream': { schema: { contentSchema: { $ref: '#/components/schemas/order.v1.Order' } } } },
    });
    expect(Object.keys(responses)).toEqual([
      '200',
      '400',
      '401',
      '403',
      '404',
      '409',
      '429',
      '500',
      '503',
      '504',
      'default',
    ]);
    expect(platformDocument.components.responses.NotFound).toMatchObject({
      content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
    });
  });

  it('keeps operationIds apart when two packages have a service of one name', () => {
    const rpc = (path: string) => `rpc Get(Thing) returns (Thing) { option (google.api.http) = {get: "${path}"}; }`;
    const document = buildOpenApi(
      new ApiRegistry(
        buildDescriptors({
          'thing/v1/thing.proto': protoOf(rpc('/v1/things')),
          'thing/v2/thing.proto': protoOf(rpc('/v2/things')).replace('thing.v1', 'thing.v2'),
        }),
      ),
    );
    expect(operations(document).map(({ operationId }) => operationId)).toEqual([
      'thing_v1_ThingService_Get',
      'thing_v2_ThingService_Get',
    ]);
  });
});
