import { chain } from '@angular-devkit/schematics';
import { format } from '../workspace/format.js';
import { removeFromWorkspace } from '../workspace/places.js';
import { serviceName } from '../workspace/service-name.js';

/** Takes a service away, with everything that `app` made for it. */
export function removeApp({ name }) {
  return (tree) => {
    const names = serviceName(name);
    const { app, domain } = names;
    const text = tree.read(`apps/${app}/src/${app}.module.ts`)?.toString();
    if (text === undefined) throw new Error(`There is no ${app} in apps/. Nothing was changed.`);
    const ports = /ports:\s*\{\s*grpc:\s*(\d+),\s*http:\s*(\d+)/.exec(text);
    const service = { ...names, ports: { grpc: Number(ports?.[1]), http: Number(ports?.[2]) } };
    for (const folder of [`apps/${app}`, `proto/${domain}`, `k8s/base/${app}`, `test/integration/${app}`]) {
      if (tree.exists(folder) || tree.getDir(folder).subdirs.length + tree.getDir(folder).subfiles.length > 0) {
        tree.delete(folder);
      }
    }
    if (tree.exists(`test/e2e/${app}.spec.ts`)) tree.delete(`test/e2e/${app}.spec.ts`);
    return chain([(rest) => removeFromWorkspace(rest, service), format()]);
  };
}
