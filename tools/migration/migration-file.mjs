// The text of a migration, and how a service comes to know of it. Pure: what is read and written is the caller's.

/** `AddPhone`: what TypeORM puts before the timestamp. */
export const CLASS_NAME = /^[A-Z][A-Za-z0-9]*$/;

/** `1700000000400-add-phone.ts` */
export function fileNameOf(name, timestamp) {
  const kebab = name.replace(/([a-z0-9])([A-Z])|([A-Z])(?=[A-Z][a-z])/g, '$1$3-$2').toLowerCase();
  return `${timestamp}-${kebab}.ts`;
}

/** Not formatted yet. */
export function migrationText(name, timestamp, { up, down }) {
  return `import type { MigrationInterface, QueryRunner } from 'typeorm';

export class ${name}${timestamp} implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
${statements(up)}
  }

  async down(runner: QueryRunner): Promise<void> {
${statements(down)}
  }
}
`;
}

function statements(queries) {
  return queries.map((query) => `await runner.query(${literal(query)});`).join('\n');
}

function literal(query) {
  const text = query.trim().replaceAll('\\', '\\\\');
  return /['\n\r]/.test(text) ? `\`${text.replaceAll('`', '\\`').replaceAll('${', '\\${')}\`` : `'${text}'`;
}

/**
 * The text of a service's module with the migration imported and in its list; undefined when it has no list
 * `migrations: […]` to add to.
 */
export function withMigration(moduleText, name, timestamp) {
  const list = /\bmigrations: \[([^\]]*?),?\s*\]/;
  const found = list.exec(moduleText);
  if (!found) return undefined;
  const imports = [...moduleText.matchAll(/^import [^;]*? from '(\.[^']*)';$/gm)];
  const neighbour = imports.findLast(([, from]) => from.startsWith('./migrations/')) ?? imports[0];
  if (!neighbour) return undefined;
  const line = `import { ${name}${timestamp} } from './migrations/${fileNameOf(name, timestamp).replace(/\.ts$/, '.js')}';`;
  const after = neighbour[1].startsWith('./migrations/');
  const imported = moduleText.replace(neighbour[0], () =>
    after ? `${neighbour[0]}\n${line}` : `${line}\n${neighbour[0]}`,
  );
  const listed = [found[1].trim(), `${name}${timestamp}`].filter(Boolean).join(', ');
  return imported.replace(list, () => `migrations: [${listed}]`);
}
