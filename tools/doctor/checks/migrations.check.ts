import type { Check, Outcome, Problem } from '../finding.js';
import {
  type App,
  type Located,
  type Service,
  type ServiceApp,
  classesWith,
  declaredAt,
  locate,
} from '../workspace/app.js';
import { type Class, decoratorOf } from '../workspace/source.js';
import { member } from '../workspace/value.js';
import type { Workspace } from '../workspace/workspace.js';
import { driftProblems } from './drift.js';

/** What has a class has to be in the module, because nothing is found by a pattern; what has a column, in a migration. */
export const migrations: Check = {
  name: 'migrations',
  promise: 'entities and migrations are listed in the modules, and the migrations make what the entities say',
  run: ({ root, services, surroundings }: Workspace): Outcome => {
    const listed = services.flatMap((app) => [
      ...unlisted(app.service, 'entities', classesWith(app, 'Entity')),
      ...ofMigrations(app),
    ]);
    if (!surroundings.database) {
      return {
        problems: [...listed, ...services.flatMap(unmentioned)],
        note: 'the migrations were read, not run; --database runs them in databases of their own',
      };
    }
    const drift = services
      .filter(({ service }) => service.database)
      .flatMap(({ service }) => driftProblems(root, service));
    return { problems: [...listed, ...drift] };
  },
};

function ofMigrations(app: ServiceApp): Problem[] {
  const found = migrationsOf(app);
  const problems = unlisted(app.service, 'migrations', found);
  for (const { source, type } of found) {
    if (/\d{13}$/.test(type.name)) continue;
    const what = `${type.name} does not end with the 13 digits that say when it is run`;
    const fix = `Call it ${type.name}${Date.now()}, or as its file.`;
    problems.push({ severity: 'error', what, where: locate(source, type), fix });
  }
  return problems;
}

function migrationsOf({ sources }: App): Located[] {
  return sources.flatMap((source) =>
    source.classes.filter((type) => type.implements.includes('MigrationInterface')).map((type) => ({ source, type })),
  );
}

function unlisted(service: Service, list: 'entities' | 'migrations', found: readonly Located[]): Problem[] {
  const names = service.database ? service.database[list] : [];
  // A computed list may have them.
  if (!names) return [];
  const missing = found.filter(({ type }) => !names.includes(type.name));
  return missing.map(({ source, type }) => ({
    severity: 'error',
    what: `${type.name} (${locate(source, type)}) is not among the ${list} of ${service.name}`,
    where: declaredAt(service, service.database ? list : 'name'),
    fix: `Add ${type.name} to \`database: { ${list}: […] }\` of the module.`,
  }));
}

/** Tables and columns of which no migration speaks: what can be seen without a database. */
function unmentioned(app: ServiceApp): Problem[] {
  const text = migrationsOf(app)
    .map(({ source }) => source.text)
    .join('\n');
  const speaksOf = (name: string) => new RegExp(`\\b${name}\\b`, 'i').test(text);
  return classesWith(app, 'Entity').flatMap(({ source, type, argument }): Problem[] => {
    const table = typeof argument === 'string' ? argument : member(argument, 'name');
    if (typeof table !== 'string') return [];
    const fix = `Run \`npm run migration -- ${app.service.name} generate <Name>\`.`;
    if (!speaksOf(table)) {
      const what = `no migration of ${app.service.name} makes the table ${table} of ${type.name}`;
      return [{ severity: 'error', what, where: locate(source, type), fix }];
    }
    return columnsOf(type)
      .filter(({ column }) => !speaksOf(column))
      .map(({ column, property }) => {
        const what = `no migration of ${app.service.name} makes the column ${column} of ${table}`;
        return { severity: 'error', what, where: locate(source, property), fix };
      });
  });
}

const COLUMNS = [
  'Column',
  'PrimaryColumn',
  'PrimaryGeneratedColumn',
  'CreateDateColumn',
  'UpdateDateColumn',
  'DeleteDateColumn',
  'VersionColumn',
];

function columnsOf(type: Class) {
  return type.properties.flatMap((property) => {
    const decorator = COLUMNS.map((name) => decoratorOf(property, name)).find((found) => found !== undefined);
    if (!decorator) return [];
    const named = decorator.args.map((argument) => member(argument, 'name')).find((name) => name !== undefined);
    return [{ property, column: typeof named === 'string' ? named : property.name }];
  });
}
