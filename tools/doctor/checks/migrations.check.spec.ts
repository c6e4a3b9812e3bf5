import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TestWorkspace } from '../workspace.fixture.js';
import { migrations } from './migrations.check.js';

const ENTITY = 'apps/thing-service/src/thing.entity.ts';
const MIGRATION = 'apps/thing-service/src/migrations/1700000000100-create-things.ts';
const MODULE = 'apps/thing-service/src/thing-service.module.ts';
const generate = 'Run `npm run migration -- thing-service generate <Name>`.';

let workspace: TestWorkspace;
beforeEach(() => void (workspace = new TestWorkspace()));
afterEach(() => workspace.remove());

it('finds nothing where all is well, and says what it did not do', async () => {
  const { findings, note } = await workspace.examine(migrations);
  expect(findings).toEqual([]);
  expect(note).toContain('--database');
});

it('an entity is not listed', async () => {
  workspace.edit(MODULE, 'entities: [Thing]', 'entities: []');
  const { findings } = await workspace.examine(migrations);
  expect(findings).toMatchObject([
    {
      severity: 'error',
      what: `Thing (${ENTITY}:1) is not among the entities of thing-service`,
      where: `${MODULE}:11`,
      fix: 'Add Thing to `database: { entities: […] }` of the module.',
    },
  ]);
});

it('a migration is not listed', async () => {
  workspace.edit(MODULE, '[CreateThings1700000000100]', '[]');
  const { findings } = await workspace.examine(migrations);
  const fix = 'Add CreateThings1700000000100 to `database: { migrations: […] }` of the module.';
  expect(findings).toMatchObject([{ severity: 'error', where: `${MODULE}:11`, fix }]);
});

it('a list that is computed may have them', async () => {
  workspace.edit(MODULE, '[CreateThings1700000000100]', 'allMigrations');
  expect((await workspace.examine(migrations)).findings).toEqual([]);
});

it('a service with an entity declares no database', async () => {
  workspace.edit(MODULE, 'database: { entities: [Thing], migrations: [CreateThings1700000000100] },', '');
  const { findings } = await workspace.examine(migrations);
  expect(findings.map(({ where }) => where)).toEqual([`${MODULE}:8`, `${MODULE}:8`]);
});

it('no migration makes a table', async () => {
  workspace.edit(ENTITY, "'things'", "'gadgets'");
  const { findings } = await workspace.examine(migrations);
  const what = 'no migration of thing-service makes the table gadgets of Thing';
  expect(findings).toMatchObject([{ severity: 'error', what, where: `${ENTITY}:1`, fix: generate }]);
});

it('no migration makes a column', async () => {
  workspace.edit(ENTITY, 'displayName!: string;', "displayName!: string;\n  @Column('text')\n  phone!: string;");
  const { findings } = await workspace.examine(migrations);
  const what = 'no migration of thing-service makes the column phone of things';
  expect(findings).toMatchObject([{ severity: 'error', what, where: `${ENTITY}:7`, fix: generate }]);
});

it('an entity is no TypeScript', async () => {
  workspace.edit(ENTITY, 'class Thing {', 'class Thing {{');
  const { findings } = await workspace.examine(migrations);
  expect(findings).toMatchObject([
    { severity: 'error', what: expect.stringContaining(`could not be checked: ${ENTITY}:2: `) },
  ]);
});

describe('with --database', () => {
  /** Stands in for the command, which asks the service itself. */
  const answers = (code: string) => workspace.write('tools/setup/migration.mjs', code);

  it('finds nothing where the migrations make what the entities say', async () => {
    answers(`console.log('Building …\\n' + JSON.stringify({ args: process.argv.slice(2), up: [], down: [] }))`);
    expect(await workspace.examine(migrations, { database: true })).toEqual({ findings: [] });
  });

  it('finds what the migrations lack', async () => {
    answers(`console.log(JSON.stringify({ up: [process.argv[2], process.argv[3]], down: [] }))`);
    const { findings } = await workspace.examine(migrations, { database: true });
    const what =
      'the migrations of thing-service do not make all that its entities say; they lack\nthing-service\ndrift';
    expect(findings).toMatchObject([{ severity: 'error', what, where: `${MODULE}:11`, fix: generate }]);
  });

  it('finds that the migrations cannot be run', async () => {
    answers(`console.error('the database of DATABASE_URL cannot be used'); process.exit(1)`);
    const { findings } = await workspace.examine(migrations, { database: true });
    const what = 'the migrations of thing-service could not be run: the database of DATABASE_URL cannot be used';
    expect(findings).toMatchObject([{ severity: 'error', what, where: MODULE }]);
  });
});

it('a migration does not say when it is run', async () => {
  for (const path of [MIGRATION, MODULE]) {
    workspace.edit(path, 'CreateThings1700000000100', 'CreateThings');
  }
  workspace.edit(MODULE, '[CreateThings1700000000100]', '[CreateThings]');
  const { findings } = await workspace.examine(migrations);
  const what = 'CreateThings does not end with the 13 digits that say when it is run';
  expect(findings).toMatchObject([{ severity: 'error', what, where: `${MIGRATION}:1` }]);
});
