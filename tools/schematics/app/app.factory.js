import { apply, applyTemplates, chain, filter, mergeWith, move, url } from '@angular-devkit/schematics';
import { format } from '../workspace/format.js';
import { addToWorkspace } from '../workspace/places.js';
import { nextPorts } from '../workspace/ports.js';
import { serviceName } from '../workspace/service-name.js';

/** Makes a service: its proto, its code, its tests, and its entries wherever the workspace lists services. */
export function app(options) {
  return (tree) => {
    const service = describe(tree, options);
    const { database, messaging, k8s, domain } = service;
    const from = (templates, to, wanted = () => true) =>
      mergeWith(apply(url(`./templates/${templates}`), [filter(wanted), applyTemplates(service), move(to)]));
    const own = `apps/${service.app}`;
    const ofDatabase = /entity\.ts|migrations|__kebab__\.service/;
    return chain([
      from('proto', `proto/${domain}/v1`),
      from('service', own, (path) => database || !ofDatabase.test(path)),
      from('test/integration', `test/integration/${service.app}`),
      from('test/e2e', 'test/e2e'),
      ...(database ? [] : [from('memory', `${own}/src`)]),
      ...(messaging ? [from('events', `proto/${domain}/v1`)] : []),
      ...(k8s ? [from('k8s', `k8s/base/${service.app}`)] : []),
      (made) => addToWorkspace(made, service),
      format(),
    ]);
  };
}

/** What the templates and the places need to know. @throws {Error} when it cannot be made */
function describe(tree, { name, database = true, cache = true, messaging = true, k8s = true, port }) {
  const names = serviceName(name);
  refuseWhatExists(tree, names);
  const now = Date.now();
  return {
    ...names,
    ports: nextPorts(tree, port),
    database,
    cache,
    // The outbox is a table.
    messaging: messaging && database,
    k8s,
    migration: `Create${names.Entities}${now}`,
    migrationFile: `${now}-create-${names.table.replaceAll('_', '-')}`,
  };
}

function refuseWhatExists(tree, { app: name, domain }) {
  const places = [`apps/${name}`, `proto/${domain}`, `k8s/base/${name}`, `test/integration/${name}`];
  const there = places.filter((path) => {
    const { subdirs, subfiles } = tree.getDir(path);
    return subdirs.length + subfiles.length > 0;
  });
  if (tree.exists(`test/e2e/${name}.spec.ts`)) there.push(`test/e2e/${name}.spec.ts`);
  if (there.length === 0) return;
  throw new Error(
    `${name} is there already, at least in part (${there.join(', ')}). Nothing was changed; ` +
      `\`npm run g -- remove ${name}\` takes it away.`,
  );
}
