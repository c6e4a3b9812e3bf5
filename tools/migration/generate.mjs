// Writes the migration that a service's entities need.
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { fileNameOf, migrationText, withMigration } from './migration-file.mjs';

/**
 * Writes `apps/<service>/src/migrations/<timestamp>-<name>.ts` and adds it to the list in the service's module.
 * @param drift what the entities need and its undoing, in SQL
 * @returns what was done, line by line
 */
export async function generateMigration(app, name, drift, timestamp = Date.now()) {
  const file = join(app, 'src/migrations', fileNameOf(name, timestamp));
  mkdirSync(join(app, 'src/migrations'), { recursive: true });
  // One that is there already stays.
  await write(file, migrationText(name, timestamp, drift), 'wx');
  const done = [`wrote ${relative(process.cwd(), file)}; read it before you run it`];
  for (const module of readdirSync(join(app, 'src')).filter((one) => one.endsWith('.module.ts'))) {
    const path = join(app, 'src', module);
    const text = withMigration(readFileSync(path, 'utf8'), name, timestamp);
    if (text === undefined) continue;
    await write(path, text, 'w');
    return [...done, `added ${name}${timestamp} to ${relative(process.cwd(), path)}`];
  }
  return [...done, `add ${name}${timestamp} to the migrations of the service's declaration: no list of them was found`];
}

async function write(path, text, flag) {
  const formatted = await format(text, { ...(await resolveConfig(fileURLToPath(import.meta.url))), filepath: path });
  try {
    writeFileSync(path, formatted, { flag });
  } catch (error) {
    throw error.code === 'EEXIST' ? new Error(`${path} exists already`, { cause: error }) : error;
  }
}
