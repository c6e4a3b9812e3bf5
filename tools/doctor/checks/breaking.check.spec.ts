import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { TestWorkspace } from '../workspace.fixture.js';
import { breaking } from './breaking.check.js';

// Processes of buf and git are started: with half a core, seconds.
vi.setConfig({ testTimeout: 30_000 });

const PROTO = 'proto/thing/v1/thing.proto';

let workspace: TestWorkspace;
beforeEach(() => void (workspace = new TestWorkspace()));
afterEach(() => workspace.remove());

function commit(): void {
  workspace.git('init', '--quiet');
  workspace.git('add', '--all');
  workspace.git('commit', '--quiet', '--message', 'things');
}

it('finds nothing where nothing but an addition was made', async () => {
  commit();
  workspace.edit(PROTO, 'string id = 1;', 'string id = 1;\n  string tenant = 2;');
  expect(await workspace.examine(breaking)).toEqual({ findings: [] });
});

it('a field is gone', async () => {
  commit();
  workspace.edit(PROTO, '  string id = 1;\n', '');
  const { findings } = await workspace.examine(breaking);
  expect(findings).toMatchObject([
    {
      severity: 'error',
      what: expect.stringMatching(/field "1" with name "id" on message "GetThingRequest".*since HEAD/),
      where: `${PROTO}:12`,
      fix: expect.stringContaining('deprecated first'),
    },
  ]);
});

it('compares with the commit that is named', async () => {
  commit();
  workspace.edit(PROTO, '  string id = 1;\n', '');
  workspace.git('commit', '--quiet', '--all', '--message', 'no id');
  expect((await workspace.examine(breaking)).findings).toEqual([]);
  expect((await workspace.examine(breaking, { against: 'HEAD~1' })).findings).toHaveLength(1);
});

it('warns of a proto that is gone with its service', async () => {
  commit();
  workspace.write('proto/other/v1/other.proto', 'syntax = "proto3";\npackage other.v1;\n');
  workspace.delete(PROTO);
  const { findings } = await workspace.examine(breaking);
  expect(findings).toMatchObject([
    { severity: 'warning', where: 'proto', what: expect.stringContaining('was deleted') },
  ]);
});

it('protos that do not build are a finding', async () => {
  commit();
  workspace.edit(PROTO, 'string id = 1;', 'string id = ;');
  const { findings } = await workspace.examine(breaking);
  const what = expect.stringContaining(`could not be checked: the protos do not build: ${PROTO}:13: `);
  expect(findings).toMatchObject([{ severity: 'error', what }]);
});

it('a commit that is named does not exist', async () => {
  commit();
  const { findings } = await workspace.examine(breaking, { against: 'orign/main' });
  const what = 'there is no commit orign/main to compare with';
  expect(findings).toMatchObject([{ severity: 'error', what, fix: expect.stringContaining('git fetch') }]);
});

it('says so when there is nothing to compare with', async () => {
  expect(await workspace.examine(breaking)).toEqual({
    findings: [],
    note: 'there is no commit HEAD to compare with',
  });
});
