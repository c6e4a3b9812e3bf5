import { chain } from '@angular-devkit/schematics';
import { format } from '../workspace/format.js';
import { addToWorkspace } from '../workspace/places.js';
import { serviceName } from '../workspace/service-name.js';
import { fromProto, updateFromProto } from './proto-first.js';
import { resource } from './resource.js';
import { templates } from '../workspace/templates.js';

/**
 * Makes a service: its proto, its code, its tests, and its entries wherever the workspace lists services. When its proto
 * is there, the code is what that asks for; when the service is there as well, it is brought up to date with the proto.
 */
export function app(options) {
  return async (tree, context) => {
    const names = serviceName(options.name);
    const hasProto = tree.getDir(`proto/${names.domain}/v1`).subfiles.length > 0;
    if (hasProto && tree.exists(`apps/${names.app}/.generated.json`)) return updateFromProto(names, options, context);
    refuseWhatExists(tree, names, hasProto);
    const service = { ...names, ...chosen(options) };
    const { described, sources } = hasProto
      ? await fromProto(tree, service, options)
      : resource(tree, service, options);
    return chain([
      ...sources,
      templates('base', `apps/${names.app}`, described),
      ...(described.k8s ? [templates('k8s', `k8s/base/${names.app}`, described)] : []),
      ...(described.k8s && described.database ? [templates('k8s-database', `k8s/base/${names.app}`, described)] : []),
      (made) => format({ except: addToWorkspace(made, described) }),
      () => {
        for (const line of described.notes) context.logger.info(line);
      },
    ]);
  };
}

function chosen({ database = true, cache = true, messaging = true, k8s = true }) {
  // The outbox is a table.
  return { database, cache, messaging: messaging && database, k8s };
}

function refuseWhatExists(tree, { app: name, domain }, hasProto) {
  const places = [`apps/${name}`, `k8s/base/${name}`, `test/integration/${name}`];
  if (!hasProto) places.push(`proto/${domain}`);
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
