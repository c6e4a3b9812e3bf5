import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { TestWorkspace } from '../workspace.fixture.js';
import { protos } from './protos.check.js';

// A process of buf is started: with half a core, seconds.
vi.setConfig({ testTimeout: 30_000 });

const CONTROLLER = 'apps/thing-service/src/thing.controller.ts';
const DTO = 'apps/thing-service/src/thing.dto.ts';
const MODULE = 'apps/thing-service/src/thing-service.module.ts';
const PROTO = 'proto/thing/v1/thing.proto';

let workspace: TestWorkspace;
beforeEach(() => void (workspace = new TestWorkspace()));
afterEach(() => workspace.remove());

it('finds nothing where all is well', async () => {
  expect(await workspace.examine(protos)).toEqual({ findings: [] });
});

it('an RPC has no handler', async () => {
  workspace.edit(PROTO, '  rpc Put', '  rpc ListThings(GetThingRequest) returns (Thing);\n  rpc Put');
  const { findings } = await workspace.examine(protos);
  expect(findings).toEqual([
    {
      check: 'protos',
      severity: 'error',
      what: `ThingController has no handler for thing.v1.ThingService/ListThings (${PROTO}:7)`,
      where: `${CONTROLLER}:4`,
      fix: 'Add the method listThings to ThingController.',
    },
  ]);
});

it('a handler has no RPC', async () => {
  workspace.edit(PROTO, '  rpc GetThing(GetThingRequest) returns (Thing);\n', '');
  const { findings } = await workspace.examine(protos);
  const fix = `Add the RPC to ${PROTO}:4, or remove the method.`;
  expect(findings).toMatchObject([{ severity: 'error', where: `${CONTROLLER}:6`, fix }]);
});

it('a service has no controller', async () => {
  workspace.delete(CONTROLLER);
  const { findings } = await workspace.examine(protos);
  const fix = 'Write a class with @GrpcController(ThingServiceDefinition), and list it in the module.';
  expect(findings).toMatchObject([{ severity: 'error', where: `${PROTO}:4`, fix }]);
});

it('a controller is not listed', async () => {
  workspace.edit(MODULE, '[ThingController]', '[]');
  const { findings } = await workspace.examine(protos);
  expect(findings).toMatchObject([{ where: `${MODULE}:14`, fix: 'Add ThingController to `controllers`.' }]);
});

it('a controller serves what is in no proto', async () => {
  workspace.edit(CONTROLLER, "thing/v1'", "thing/v2'");
  const { findings } = await workspace.examine(protos);
  expect(findings).toMatchObject([
    { what: expect.stringContaining('no controller of thing-service serves thing.v1.ThingService') },
    { what: 'ThingController serves thing.v2.ThingService, which is in no proto', where: `${CONTROLLER}:4` },
  ]);
});

it('a module declares another package', async () => {
  workspace.edit(MODULE, 'thing.v1', 'thing.v2');
  const { findings } = await workspace.examine(protos);
  expect(findings).toMatchObject([{ where: `${MODULE}:9`, fix: "Write `package: 'thing.v1'`." }]);
});

it('a request has a field that its DTO has not, and the other way round', async () => {
  workspace.edit(PROTO, 'string id = 1;', 'string thing_id = 1;');
  const { findings } = await workspace.examine(protos);
  expect(findings).toMatchObject([
    { severity: 'error', what: 'GetThingDto lacks thingId of thing.v1.GetThingRequest', where: `${DTO}:1` },
    { severity: 'warning', what: expect.stringContaining('GetThingDto has id, which'), where: `${DTO}:2` },
  ]);
});

it('the fields of a DTO may be those of the class that it extends', async () => {
  workspace.edit(
    DTO,
    'GetThingDto {\n  @IsId()\n  id!: string;\n}',
    'Base { id!: string; }\nexport class GetThingDto extends Base {}',
  );
  expect((await workspace.examine(protos)).findings).toEqual([]);
});

it('a DTO may have what no instance holds', async () => {
  workspace.edit(
    DTO,
    'id!: string;',
    'id!: string;\n  static readonly longest = 36;\n  get short() { return this.id; }',
  );
  expect((await workspace.examine(protos)).findings).toEqual([]);
});

it('a oneof is one property', async () => {
  workspace.edit(PROTO, 'string id = 1;', 'string id = 1;\n  oneof found_by { string name = 2; int32 number = 3; }');
  workspace.edit(DTO, 'id!: string;', 'id!: string;\n  foundBy?: unknown;');
  expect((await workspace.examine(protos)).findings).toEqual([]);
});

it('protos that do not build are a finding', async () => {
  workspace.edit(PROTO, 'string id = 1;', 'string id = ;');
  const { findings } = await workspace.examine(protos);
  const what = expect.stringMatching(
    /could not be checked: the protos do not build: proto\/thing\/v1\/thing\.proto:13/,
  );
  expect(findings).toMatchObject([{ severity: 'error', what }]);
});
