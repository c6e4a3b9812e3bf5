import { join } from 'node:path';
import type { ServiceDefinition } from '@rookery/contracts';
import { Code } from '@rookery/errors';
import type * as Grpc from '@rookery/grpc';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type * as Starting from '../../../test/conformance/start-server.js';
import { serviceFilesFromProto } from './proto-first.js';
import { Workspace } from './workspace.fixture.js';

const workspace = new Workspace();
const APP = 'apps/payment-service/src';

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

let contracts: Record<string, Codec>;
let dtos: Record<string, Dto>;
let validateAs: Pipe['validateAs'];

beforeAll(async () => {
  workspace.generateContracts();
  const about = { root: workspace.root, domain: 'payment', appName: 'payment-service' };
  const { files } = await serviceFilesFromProto(about);
  for (const [path, content] of files) workspace.write(`${APP}/${path}`, content);
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
