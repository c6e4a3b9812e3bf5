import { chain } from '@angular-devkit/schematics';
import { format } from '../workspace/format.js';
import { removeFromWorkspace } from '../workspace/places.js';
import { portsOf } from '../workspace/ports.js';
import { serviceName } from '../workspace/service-name.js';

/**
 * Takes a service away, with everything that `app` made for it. Its proto stays when it was there before the service, and when
 * another app is written against it.
 */
export function removeApp({ name }) {
  return (tree, context) => {
    const names = serviceName(name);
    const { app, domain } = names;
    const ports = portsOf(tree, app);
    if (!ports) throw new Error(`There is no service ${app} in apps/. Nothing was changed.`);
    const service = { ...names, ports };
    const users = appsThatUse(tree, domain).filter((other) => other !== app);
    if (users.length > 0) context.logger.warn(`proto/${domain} stays: ${users.join(', ')} cannot do without it.`);
    const folders = [`apps/${app}`, `k8s/base/${app}`, `test/integration/${app}`];
    const hadProto = tree.exists(`apps/${app}/.generated.json`);
    if (users.length === 0 && !hadProto) folders.push(`proto/${domain}`);
    for (const folder of folders) {
      const { subdirs, subfiles } = tree.getDir(folder);
      if (subdirs.length + subfiles.length > 0) tree.delete(folder);
    }
    if (tree.exists(`test/e2e/${app}.spec.ts`)) tree.delete(`test/e2e/${app}.spec.ts`);
    return chain([(rest) => removeFromWorkspace(rest, service), format()]);
  };
}

/** Apps with a source that imports what the protos of `domain` mean. */
function appsThatUse(tree, domain) {
  const imported = `@rookery/contracts/${domain}/`;
  return tree.getDir('apps').subdirs.filter((app) => {
    let uses = false;
    tree.getDir(`apps/${app}`).visit((path) => {
      uses ||= path.endsWith('.ts') && tree.read(path).includes(imported);
    });
    return uses;
  });
}
