import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { mergeServiceFiles } from './merge-service-files.js';
import { serviceFilesFromProto } from './proto-first.js';
import { Workspace } from './workspace.fixture.js';

// A compiler runs for each proto, beside other tests.
vi.setConfig({ testTimeout: 20_000 });

const workspace = new Workspace();
const APP = 'apps/payment-service/src';
const about = { root: workspace.root, domain: 'payment', appName: 'payment-service' };

let generated: Awaited<ReturnType<typeof serviceFilesFromProto>>;
beforeAll(async () => {
  workspace.generateContracts();
  generated = await serviceFilesFromProto(about);
  for (const [path, content] of generated.files) workspace.write(`${APP}/${path}`, content);
}, 120_000);

afterAll(() => workspace.remove());

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
