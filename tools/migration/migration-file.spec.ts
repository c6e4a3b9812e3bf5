import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { generateMigration } from './generate.mjs';
import { fileNameOf } from './migration-file.mjs';

const DRIFT = {
  up: [
    'ALTER TABLE "users" ADD "phone" text',
    `ALTER TABLE "users" ADD "note" text DEFAULT 'a\\b\`c\${d}'`,
    'CREATE VIEW "all" AS\n  SELECT 1',
  ],
  down: ['ALTER TABLE "users" DROP COLUMN "note"', 'ALTER TABLE "users" DROP COLUMN "phone"'],
};
const MODULE = `import { Module } from '@nestjs/common';
import { CreateUsers1700000000100 } from './migrations/1700000000100-create-users.js';
import { User } from './user.entity.js';

@Module({
  imports: [declare({ database: { entities: [User], migrations: [CreateUsers1700000000100] } })],
})
export class UserServiceModule {}
`;

let home: string;
let app: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'migration-'));
  // A folder of this name may also be above the whole checkout.
  app = join(home, 'migrations/app');
  mkdirSync(join(app, 'src'), { recursive: true });
});
afterEach(() => rmSync(home, { recursive: true }));
const read = (path: string) => readFileSync(join(app, 'src', path), 'utf8');

describe('a generated migration', () => {
  it.each([
    ['AddPhone', '1-add-phone.ts'],
    ['AddUserURLIndex2', '1-add-user-url-index2.ts'],
  ])('%s is in a file of its name', (name, file) => {
    expect(fileNameOf(name, 1)).toBe(file);
  });

  it('says what to do and how to undo it, and the service knows it', async () => {
    writeFileSync(join(app, 'src/user-service.module.ts'), MODULE);
    const done = await generateMigration(app, 'AddPhone', DRIFT, 1700000000400);
    expect(done).toHaveLength(2);
    const text = read('migrations/1700000000400-add-phone.ts');
    expect(text).toContain('export class AddPhone1700000000400 implements MigrationInterface {');
    const queries = [...text.matchAll(/runner\.query\(([^]*?)\);\n/g)].map(([, literal]) =>
      new Function(`return [${literal}][0]`)(),
    );
    expect(queries).toEqual([...DRIFT.up, ...DRIFT.down]);
    const module = read('user-service.module.ts');
    expect(module).toContain(`import { AddPhone1700000000400 } from './migrations/1700000000400-add-phone.js';`);
    expect(module).toMatch(/migrations: \[\s*CreateUsers1700000000100,\s*AddPhone1700000000400,?\s*\]/);
  });

  it('comes first where there was none', async () => {
    const empty = MODULE.replace(/import \{ CreateUsers.*\n/, '').replace('[CreateUsers1700000000100]', '[]');
    writeFileSync(join(app, 'src/user-service.module.ts'), empty);
    await generateMigration(app, 'CreateUsers', DRIFT, 1700000000400);
    const module = read('user-service.module.ts');
    expect(module).toContain('migrations: [CreateUsers1700000000400]');
    expect(module.match(/^import /gm)).toHaveLength(3);
  });

  it('is to be added by hand where the list is not found, and never replaces another', async () => {
    writeFileSync(join(app, 'src/user-service.module.ts'), MODULE.replace(/migrations: \[.*?\]/, 'migrations'));
    const [, hint] = await generateMigration(app, 'AddPhone', DRIFT, 1700000000400);
    expect(hint).toContain('add AddPhone1700000000400');
    await expect(generateMigration(app, 'AddPhone', DRIFT, 1700000000400)).rejects.toThrow('exists already');
    expect(readdirSync(join(app, 'src/migrations'))).toHaveLength(1);
  });
});
