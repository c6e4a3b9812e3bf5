import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { TestWorkspace } from '../workspace.fixture.js';
import { paramtypes } from './paramtypes.check.js';

// A process of buf is started: with half a core, seconds.
vi.setConfig({ testTimeout: 30_000 });

const CONTROLLER = 'apps/thing-service/src/thing.controller.ts';

let workspace: TestWorkspace;
beforeEach(() => void (workspace = new TestWorkspace()));
afterEach(() => workspace.remove());

it('finds nothing where all is well', async () => {
  expect(await workspace.examine(paramtypes)).toEqual({ findings: [] });
});

it.each([
  ['a method without a decorator', '@Payload() request', 'request', 'Write `@Payload() request: SomeDto`.'],
  [
    'a DTO that is imported as a type',
    'import { GetThingDto,',
    'import { type GetThingDto,',
    'Import GetThingDto without `type`.',
  ],
  [
    'DTOs that are all imported as types',
    'import { GetThingDto, ThingDto }',
    "import { ThingDto } from './thing.dto.js';\nimport type { GetThingDto }",
    'Import GetThingDto without `type`.',
  ],
  [
    'an interface of the contracts',
    'request: GetThingDto',
    'request: ThingServiceDefinition',
    'Make ThingServiceDefinition a class with validators.',
  ],
  [
    'a type that is no name',
    'request: GetThingDto',
    'request: { id: string }',
    'Give the request a DTO class, and name it there.',
  ],
  [
    'a stream without the class of its messages',
    '@Messages(ThingDto)',
    '@Payload()',
    'Write `@Messages(SomeDto) things: AsyncIterable<SomeDto>`.',
  ],
])('%s', async (_, before, after, fix) => {
  workspace.edit(CONTROLLER, before, after);
  const { findings } = await workspace.examine(paramtypes);
  const where = expect.stringMatching(new RegExp(`^${CONTROLLER}:[678]$`));
  expect(findings).toMatchObject([{ check: 'paramtypes', severity: 'error', where, fix }]);
});

it('a decorator of the method does as well', async () => {
  workspace.edit(CONTROLLER, '  getThing(@Payload() request', '  @CacheAside({})\n  getThing(request');
  expect((await workspace.examine(paramtypes)).findings).toEqual([]);
});

it('a handler that takes nothing has nothing to validate', async () => {
  workspace.edit(CONTROLLER, '@Payload() request: GetThingDto', '');
  expect((await workspace.examine(paramtypes)).findings).toEqual([]);
});
