import { join } from 'node:path';
import type { ServiceDefinition } from '@rookery/contracts';
import { Code } from '@rookery/errors';
import type * as Grpc from '@rookery/grpc';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type * as Starting from '../../../test/conformance/start-server.js';
import { mergeServiceFiles } from './merge-service-files.js';
import { serviceFilesFromProto } from './proto-first.js';
import { Workspace } from './workspace.fixture.js';

const workspace = new Workspace();
const APP = 'apps/payment-service/src';
const about = { root: workspace.root, domain: 'payment', appName: 'payment-service' };

interface Codec {
  encode(message: object): { finish(): Uint8Array };
  decode(bytes: Uint8Array): Record<string, unknown>;
  fromPartial(partial: object): object;
}
type Dto = new () => Record<string, unknown>;
interface Pipe {
  validateAs(type: Dto, message: object): Record<string, unknown> | Promise<Record<string, unknown>>;
}

/** A module of the workspace. What is generated there is known here by what it is expected to be. */
async function load<T>(path: string): Promise<T> {
  return (await import(join(workspace.root, path))) as T;
}

let generated: Awaited<ReturnType<typeof serviceFilesFromProto>>;
let contracts: Record<string, Codec>;
let dtos: Record<string, Dto>;
let validateAs: Pipe['validateAs'];

beforeAll(async () => {
  workspace.generateContracts();
  generated = await serviceFilesFromProto(about);
  for (const [path, content] of generated.files) workspace.write(`${APP}/${path}`, content);
  contracts = await load('libs/contracts/src/generated/payment/v1/index.ts');
  dtos = await load(`${APP}/payment.dto.ts`);
  ({ validateAs } = await load<Pipe>('libs/grpc/src/server/validation.pipe.ts'));
}, 120_000);

afterAll(() => workspace.remove());

/** As a message that a client has sent, every field of which has at least its default. */
function received(type: string, message: object): Record<string, unknown> {
  const codec = contracts[type]!;
  return codec.decode(codec.encode(codec.fromPartial(message)).finish());
}

async function violations(dto: string, message: object): Promise<string[]> {
  try {
    await validateAs(dtos[dto]!, message);
    return [];
  } catch (error) {
    if (!(error instanceof Error && 'violations' in error)) throw error;
    return (error.violations as { field: string }[]).map(({ field }) => field);
  }
}

describe('the sources of a service', () => {
  it('compile', () => {
    const tsconfig = { extends: './tsconfig.json', include: ['apps', 'libs/**/*.d.ts'] };
    workspace.write('tsconfig.apps.json', JSON.stringify(tsconfig));
    expect(workspace.complaintsOf('tsc', '--noEmit', '-p', 'tsconfig.apps.json')).toBe('');
  }, 120_000);

  it('are as the linter and prettier want them', () => {
    expect(workspace.complaintsOf('oxlint', 'apps')).toBe('');
    expect(workspace.complaintsOf('prettier', '--check', 'apps')).toBe('');
  }, 60_000);

  it('pass their own specs', () => {
    expect(workspace.complaintsOf('vitest', 'run', '--project', 'unit', 'apps')).toBe('');
  }, 120_000);

  it('have a controller and a provider for each service of the package, whichever file it is in', () => {
    expect(generated.services).toEqual([
      expect.objectContaining({ name: 'LedgerService', controller: 'LedgerController', provider: 'LedgerService' }),
      expect.objectContaining({ name: 'PaymentService', controller: 'PaymentController', kebab: 'payment' }),
      expect.objectContaining({ name: 'Refunds', definition: 'RefundsDefinition', controller: 'RefundsController' }),
    ]);
  });

  it('list what is not implemented', () => {
    expect(generated.unimplemented).toHaveLength(11);
    expect(generated.unimplemented).toContain('payment.v1.PaymentService/Converse');
  });

  it('explain themselves with the short comments of the proto', () => {
    const provider = generated.files.get('payment.service.ts')!;
    expect(provider).toContain('  /** Takes a payment. */\n  async createPayment(');
    expect(provider).toContain('/** Ends a comment: * / is no end of ours. */');
    expect(provider).not.toContain('go on for longer');
  });
});

describe('a request', () => {
  const payment = {
    title: 'rent',
    amount: { currencyCode: 'EUR', units: 5n },
    lines: [{ text: 'a' }],
    state: 1,
    signature: Buffer.from('x'),
    priority: 0,
    notes: new Map([[1n, 'a']]),
    account: 7n,
    dueTime: new Date(5),
  };

  it('is refused with the name of each field that is required', async () => {
    const fields = ['title', 'amount', 'lines', 'state', 'signature', 'priority', 'notes', 'account', 'due_time'];
    expect(await violations('CreatePaymentDto', received('CreatePaymentRequest', {}))).toEqual(fields);
    expect(await violations('CreatePaymentDto', received('CreatePaymentRequest', payment))).toEqual([]);
  });

  it('is refused for what is wrong with nested messages', async () => {
    const wrong = { ...payment, amount: { currencyCode: 'euro' }, lines: [{ text: 'a' }, { text: '', kind: 9 }] };
    expect(await violations('CreatePaymentDto', received('CreatePaymentRequest', wrong))).toEqual([
      'amount.currency_code',
      'lines[1].text',
      'lines[1].kind',
    ]);
  });

  it('may have anything in fields that the service alone sets', async () => {
    const request = received('CreatePaymentRequest', { ...payment, createTime: new Date(1), receipt: { url: 'x' } });
    expect(await violations('CreatePaymentDto', request)).toEqual([]);
  });

  it('changes those fields of a resource that can be changed, of one that the path names', async () => {
    const change = (id: string, ...updateMask: string[]) =>
      violations('UpdatePaymentDto', received('UpdatePaymentRequest', { payment: { id }, updateMask }));
    expect(await change('1', 'title', 'amount.units')).toEqual([]);
    expect(await change('1', '*')).toEqual([]);
    expect(await change('1', 'create_time')).toEqual(['update_mask']);
    expect(await change('')).toEqual(['payment.id']);
  });
});

describe('its handlers', () => {
  type Call = (request: unknown) => Promise<unknown> | AsyncIterable<unknown>;
  type Class = new () => object;
  let close: () => Promise<void>;
  let client: { methods: Record<string, Call>; close(): void };

  beforeAll(async () => {
    const { startServer } = await load<typeof Starting>('test/conformance/start-server.ts');
    const { createGrpcClient } = await load<typeof Grpc>('libs/grpc/src/index.ts');
    const { PaymentController } = await load<{ PaymentController: Class }>(`${APP}/payment.controller.ts`);
    const { PaymentService } = await load<{ PaymentService: Class }>(`${APP}/payment.service.ts`);
    const server = await startServer({ controllers: [PaymentController], providers: [PaymentService] });
    const definition = contracts.PaymentServiceDefinition as unknown as ServiceDefinition;
    client = createGrpcClient(definition, { target: server.address, timeout: 10_000 }) as unknown as typeof client;
    close = () => server.close();
  }, 60_000);

  afterAll(async () => {
    client.close();
    await close();
  });

  async function codeOf(method: string, request: unknown): Promise<unknown> {
    try {
      const reply = client.methods[method]!(request);
      if (!(Symbol.asyncIterator in reply)) return await reply;
      for await (const message of reply) return message;
      return 'nothing';
    } catch (error) {
      return (error as { code: Code }).code;
    }
  }

  const everything = { toString: '', valueOf: 0, hasOwnProperty: undefined };

  it.each([
    ['ping', {}],
    ['watchPayment', { id: '1' }],
    ['uploadEverything', [everything]],
    ['converse', [everything]],
  ])('answer UNIMPLEMENTED to %s', async (method, request) => {
    expect(await codeOf(method, request)).toBe(Code.UNIMPLEMENTED);
  });

  it.each([
    ['createPayment', {}],
    ['watchPayment', {}],
  ])('refuse what %s must not be asked', async (method, request) => {
    expect(await codeOf(method, request)).toBe(Code.INVALID_ARGUMENT);
  });
});

describe('every kind of field', () => {
  const leaf = { text: 'x' };
  const common = { toString: 'a', valueOf: 7, hasOwnProperty: leaf };
  const everything = {
    ...common,
    aDouble: 0.5,
    anInt64: 5n,
    someBytes: Buffer.from('ab'),
    aState: 2,
    leaf,
    leaves: [leaf],
    states: [1, 0],
    maybeInt64: 0n,
    maybeState: 0,
    class: 'c',
    default: 'd',
    await: 'e',
    addressLine1: 'f',
    upperName: 'g',
    leafMap: { ada: leaf, constructor: leaf },
    farLeafMap: new Map([[1n, leaf]]),
    boolMap: new Map([[true, 1]]),
    bytesMap: { 1: Buffer.from('x') },
    timeMap: { a: new Date(5) },
    boxedMap: { a: 'x' },
    stateMap: { a: 1 },
    choice: { $case: 'choiceLeaf', value: leaf },
    plainChoice: { $case: 'plainBool', value: true },
    time: new Date(7),
    times: [new Date(1)],
    duration: { seconds: 1n },
    mask: ['a'],
    boxes: [1n],
    boxedInt64: 0n,
    struct: { a: [1, { b: null }] },
    structs: [{ a: 1 }],
    value: 'x',
    list: [1],
    any: { typeUrl: 'a' },
    empty: {},
    money: { currencyCode: 'EUR' },
    itself: { ...common, leaf },
  };

  it('arrives as it was sent', async () => {
    const message = received('Everything', everything);
    const dto = await validateAs(dtos.EverythingDto!, message);
    expect(dto).toBeInstanceOf(dtos.EverythingDto);
    expect({ ...dto }).toEqual(message);
    expect(dto.leaf).toBeInstanceOf(dtos.LeafDto);
  });

  it.each<[string, object]>([
    ['a_double', { aDouble: NaN }],
    ['a_state', { aState: 7 }],
    ['states', { states: [1, 7] }],
    ['leaf.text', { leaf: {} }],
    ['leaves[1].text', { leaves: [leaf, {}] }],
    ['maybe_state', { maybeState: 7 }],
    ['maybe_leaf.text', { maybeLeaf: {} }],
    ['state_map', { stateMap: { a: 7 } }],
    ['leaf_map', { leafMap: { a: {} } }],
    ['far_leaf_map', { farLeafMap: new Map([[1n, {}]]) }],
    ['choice_leaf.text', { choice: { $case: 'choiceLeaf', value: {} } }],
    ['choice_state', { choice: { $case: 'choiceState', value: 7 } }],
    ['durations[0].nanos', { durations: [{ nanos: 1_000_000_000 }] }],
    ['money.currency_code', { money: {} }],
    ['itself.leaf.text', { itself: { ...common, leaf: {} } }],
    ['user.email', { user: { name: 'Ada' } }],
    ['entry.text', { entry: {} }],
  ])('is validated: %s', async (field, wrong) => {
    expect(await violations('EverythingDto', received('Everything', { ...common, ...wrong }))).toEqual([field]);
  });
});

it('adds what the proto gains beside what was written since', async () => {
  const proto = (more: string) => `syntax = "proto3";
package growing.v1;
service GrowingService {
  rpc GetIt(GetItRequest) returns (It);
  ${more && 'rpc AddIt(stream AddItRequest) returns (It);'}
}
message GetItRequest { string id = 1; ${more} }
message AddItRequest { string id = 1; ${more} }
message It {}`;
  const generate = async (more: string) => {
    workspace.write('proto/growing/v1/growing.proto', proto(more));
    return (await serviceFilesFromProto({ ...about, domain: 'growing' })).files;
  };
  const before = await generate('');
  const now = await generate('It it = 2;');
  const written = new Map(before);
  const edit = (path: string, from: string, to: string) => {
    expect(written.get(path)).toContain(from);
    written.set(path, written.get(path)!.replace(from, to));
  };
  edit('growing.service.ts', `throw new Unimplemented('GetIt is not implemented yet');`, 'return {};');
  edit('growing.service.ts', `import { Unimplemented } from '@rookery/errors';\n`, '');
  edit('growing.controller.spec.ts', `['GetIt', async () => growings.getIt(new GetItDto())]`, '');
  edit('growing.dto.ts', '  id!: string;', '  @IsId()\n  id!: string;');
  edit('growing.dto.ts', 'import type', `import { IsId } from '@rookery/grpc';\nimport type`);

  const merged = await mergeServiceFiles({ folder: APP, before, now, read: (path) => written.get(path) });
  expect(merged.left.map(({ path }) => path)).toEqual(['growing.controller.spec.ts']);
  expect(merged.left[0]!.missing.join('\n')).toContain(`['AddIt', async () => growings.addIt(stream(new AddItDto()))]`);
  expect(merged.generated.get('growing.controller.spec.ts')).toBe(before.get('growing.controller.spec.ts'));
  const service = merged.files.get('growing.service.ts');
  expect(service).toContain('return {};');
  expect(service).toContain(`throw new Unimplemented('AddIt is not implemented yet');`);
  expect(service).toContain(`import { Unimplemented } from '@rookery/errors';`);
  expect(merged.files.get('growing.dto.ts')).toMatch(
    /@IsId\(\)\s+id!: string;\s+@IsOptional\(\)[^]*\bit!: ItDto \| undefined;/,
  );
  expect(merged.files.get('growing.controller.ts')).toBe(now.get('growing.controller.ts'));
});

describe('a proto that cannot be served', () => {
  const generate = (proto: string) => {
    workspace.write('proto/broken/v1/broken.proto', `syntax = "proto3";\npackage broken.v1;\n${proto}`);
    return serviceFilesFromProto({ ...about, domain: 'broken' });
  };

  it.each([
    ['does not build', 'service A { rpc B(C) returns (C); }', /do not build[^]*broken\.proto.*C/],
    ['has no service', 'message A {}', 'No proto of package broken.v1 has a service.'],
    [
      'has a field that no class can have',
      'service A { rpc B(C) returns (C); } message C { string constructor = 1; }',
      'broken.v1.C.constructor: a class can have no field of that name; call it something else.',
    ],
    [
      'has RPCs that would be one method',
      'service A { rpc Get(C) returns (C); rpc get(C) returns (C); } message C {}',
      'Rename one.',
    ],
  ])('is refused when it %s', async (_what, proto, message) => {
    await expect(generate(proto)).rejects.toThrow(message);
  });
});
