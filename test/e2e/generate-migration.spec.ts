import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type TestDatabase, createTestDatabase } from '@rookery/testing';
import pg from 'pg';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';

/** What a service is built from, and how. */
const SOURCES = ['apps', 'libs', 'proto', 'tools', 'package.json', 'package-lock.json', 'tsconfig.json'];
const TOOLS = ['buf.yaml', 'nest-cli.json', 'rspack.config.js', '.prettierrc'];
/** Milliseconds. */
const BUILDS = 120_000;

let database: TestDatabase;
let home: string;
/** Of the sources: what the command writes must not be found in the repository. */
let copy: string;
beforeAll(async () => {
  database = await createTestDatabase(inject('databaseUrl'));
  home = await mkdtemp(join(tmpdir(), 'rookery-copy-'));
  copy = join(home, 'migrations');
  await mkdir(copy);
  for (const source of [...SOURCES, ...TOOLS])
    await cp(source, join(copy, source), { recursive: true, preserveTimestamps: true });
  await symlink(join(process.cwd(), 'node_modules'), join(copy, 'node_modules'));
});
afterAll(async () => {
  await rm(home, { recursive: true });
  await database.drop();
});

async function migration(...args: string[]) {
  const { PATH, HOME, TMPDIR } = process.env;
  const child = spawn(process.execPath, ['tools/setup/migration.mjs', 'user-service', ...args], {
    cwd: copy,
    env: { PATH, HOME, TMPDIR, USER_SERVICE_DATABASE_URL: database.url },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  return { code: child.exitCode, said: output + errors };
}

it(
  'npm run migration writes what a changed entity needs, and runs it, and undoes it',
  async () => {
    const entity = join(copy, 'apps/user-service/src/user.entity.ts');
    const before = await readFile(entity, 'utf8');
    const column = `\n  @Column('text', { default: 'of\\nlines' })\n  phone!: string;\n}\n`;
    await writeFile(
      entity,
      before.replace(/\}\n$/, () => column),
    );

    const generated = await migration('generate', 'AddPhone');
    expect(generated).toMatchObject({
      code: 0,
      said: expect.stringMatching(/wrote .*-add-phone\.ts.*\nadded AddPhone/),
    });
    const files = await readdir(join(copy, 'apps/user-service/src/migrations'));
    expect(files.filter((file) => file.endsWith('-add-phone.ts'))).toHaveLength(1);

    const run = await migration('run');
    expect(run).toMatchObject({ code: 0, said: expect.stringContaining('AddPhone') });
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    const phone = () =>
      client.query(`SELECT column_default FROM information_schema.columns WHERE column_name = 'phone'`);
    expect((await phone()).rows).toEqual([{ column_default: `'of\nlines'::text` }]);

    const again = await migration('generate', 'AddNothing');
    expect(again).toMatchObject({ code: 1, said: expect.stringContaining('there is nothing to generate') });
    expect(await migration('revert')).toMatchObject({ code: 0, said: expect.stringContaining('reverted AddPhone') });
    expect((await phone()).rows).toEqual([]);
    await client.end();
  },
  BUILDS,
);
