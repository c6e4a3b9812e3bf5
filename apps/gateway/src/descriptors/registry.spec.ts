import { DESCRIPTOR_SET_BASE64, SERVICE_HOSTS } from '@rookery/contracts';
import { describe, expect, it } from 'vitest';
import { buildDescriptors } from './build-descriptors.fixture.js';
import { libraryDescriptors, protoOf } from './library.fixture.js';
import { ContractError } from './contract-error.js';
import { ApiRegistry } from './registry.js';

function refused(service: string): ContractError {
  const descriptors = buildDescriptors({ 'thing/v1/thing.proto': protoOf(service) });
  try {
    const { bindings } = new ApiRegistry(descriptors);
    throw new Error(`accepted: ${bindings.map(({ rpc }) => rpc).join(', ')}`);
  } catch (error) {
    if (error instanceof ContractError) return error;
    throw error;
  }
}

describe('ApiRegistry', () => {
  it('finds every annotated RPC of the platform', () => {
    const { bindings, services } = new ApiRegistry(Buffer.from(DESCRIPTOR_SET_BASE64, 'base64'));
    expect(bindings.map(({ verb, template, rpc }) => `${verb} ${template.source} ${rpc}`)).toEqual(
      expect.arrayContaining([
        'POST /v1/users user.v1.UserService/CreateUser',
        'GET /v1/users/{id} user.v1.UserService/GetUser',
        'PATCH /v1/users/{user.id} user.v1.UserService/UpdateUser',
        'GET /v1/users:stream user.v1.UserService/StreamUsers',
        'POST /v1/orders/{id}:confirm order.v1.OrderService/ConfirmOrder',
      ]),
    );
    expect(services.map(({ typeName }) => typeName).toSorted()).toEqual(Object.keys(SERVICE_HOSTS).toSorted());
  });

  it('takes additional bindings and custom verbs, and leaves RPCs without an annotation alone', () => {
    const { bindings } = new ApiRegistry(libraryDescriptors());
    expect(bindings.map(({ verb, rpc, index }) => `${verb} ${rpc.split('/')[1]} ${index}`)).toEqual([
      'GET GetBook 0',
      'GET GetBook 1',
      'GET SearchBooks 0',
      'PATCH UpdateBook 0',
      'PUT RenameBook 0',
      'GET ReadFile 0',
      'SEARCH Inspect 0',
    ]);
  });

  it('refuses streams of requests, naming each RPC', () => {
    const { message, problems } = refused(`
      rpc Up(stream Thing) returns (Thing) { option (google.api.http) = {post: "/v1/up" body: "*"}; }
      rpc Both(stream Thing) returns (stream Thing) { option (google.api.http) = {post: "/v1/both" body: "*"}; }
    `);
    expect(problems).toHaveLength(2);
    expect(message).toContain('thing.v1.ThingService/Up: google.api.http is on an RPC with a stream of requests');
    expect(message).toContain('thing.v1.ThingService/Both');
  });

  it('refuses two RPCs that the same request would match', () => {
    const { problems } = refused(`
      rpc A(Thing) returns (Thing) { option (google.api.http) = {get: "/v1/things/{id}"}; }
      rpc B(Thing) returns (Thing) { option (google.api.http) = {get: "/v1/{id=things/*}"}; }
      rpc C(Thing) returns (Thing) { option (google.api.http) = {delete: "/v1/things/{id}"}; }
    `);
    expect(problems).toEqual([
      'thing.v1.ThingService/B: GET /v1/{id=things/*} is the path of thing.v1.ThingService/A too (/v1/things/{id}); ' +
        'give one of them another path',
    ]);
  });

  it.each([
    ['get: "/v1/{nope}"', 'the path variable {nope} is not a field of thing.v1.Thing'],
    ['get: "/v1/{id.x}"', 'the path variable {id.x} goes through id, which has no fields to name'],
    ['post: "/v1/x" body: "nope"', 'body: "nope" is not a field of thing.v1.Thing'],
    ['get: "/v1/x" body: "*"', 'google.api.http has a body on GET'],
    ['get: "v1/x"', 'the path template "v1/x" does not start with a slash'],
    ['custom: {kind: "FETCH" path: "/v1/x"}', 'google.api.http has the custom verb "FETCH"'],
  ])('refuses %s', (rule, problem) => {
    const { message } = refused(`rpc A(Thing) returns (Thing) { option (google.api.http) = {${rule}}; }`);
    expect(message).toContain(`thing.v1.ThingService/A: ${problem}`);
  });
});
