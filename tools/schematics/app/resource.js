import { nextPorts } from '../workspace/ports.js';
import { templates } from '../workspace/templates.js';

/** A service without a proto gets one, with a resource of its own: what it is called, and when it was created. */
export function resource(tree, service, { port }) {
  const { app, domain, database, messaging, kebab, Entity, Entities, table } = service;
  const now = Date.now();
  const migrationFile = `${now}-create-${table.replaceAll('_', '-')}`;
  const described = {
    ...service,
    ports: nextPorts(tree, port),
    served: `${Entity}Service`,
    migrationFile,
    migrations: database ? [{ name: `Create${Entities}${now}`, file: `migrations/${migrationFile}` }] : [],
    controllers: [{ name: `${Entity}Controller`, file: `${kebab}.controller` }],
    entityClasses: database ? [{ name: Entity, file: `${kebab}.entity` }] : [],
    providers: [{ name: `${Entity}Service`, file: `${kebab}.service` }],
    notes: [],
  };
  const ofDatabase = /entity\.ts|migrations|__kebab__\.service/;
  const own = `apps/${app}`;
  const sources = [
    templates('proto', `proto/${domain}/v1`, described),
    templates('resource', own, described, (path) => database || !ofDatabase.test(path)),
    templates('test/integration', `test/integration/${app}`, described),
    templates('test/e2e', 'test/e2e', described),
    ...(database ? [] : [templates('memory', `${own}/src`, described)]),
    ...(messaging ? [templates('events', `proto/${domain}/v1`, described)] : []),
  ];
  return { described, sources };
}
