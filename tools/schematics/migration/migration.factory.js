import { chain } from '@angular-devkit/schematics';
import { fileNameOf, migrationText, withMigration } from '../../migration/migration-file.mjs';
import { className } from '../workspace/class-name.js';
import { existingService } from '../workspace/existing-service.js';
import { format } from '../workspace/format.js';
import { put } from '../workspace/put.js';

/** What its author replaces; PostgreSQL runs it and does nothing. */
const BLANK = '\n-- SQL\n';

/** Adds an empty migration to a service, to be written by hand. `npm run migration -- x generate` derives one from the entities. */
export function migration({ name, ...where }) {
  return (tree, context) => {
    const called = className(name, 'a migration');
    const { app, path, module } = existingService(tree, where);
    const timestamp = Date.now();
    const listed = withMigration(module, called, timestamp);
    if (listed === undefined) throw new Error(`${path} has no list \`migrations: […]\`. Nothing was changed.`);
    put(tree, path, listed);
    const text = migrationText(called, timestamp, { up: [BLANK], down: [BLANK] });
    tree.create(`apps/${app}/src/migrations/${fileNameOf(called, timestamp)}`, text);
    context.logger.info(`npm run migration -- ${app} run, once it is written; a service runs it when it starts.`);
    return chain([format()]);
  };
}
