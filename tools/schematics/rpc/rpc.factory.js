import { chain } from '@angular-devkit/schematics';
import { updateFromProto } from '../app/proto-first.js';
import { className } from '../workspace/class-name.js';
import { existingService } from '../workspace/existing-service.js';
import { format } from '../workspace/format.js';
import { put } from '../workspace/put.js';

const STREAMS = ['none', 'server', 'client', 'both'];

/** Adds an RPC to a service: to its proto, its controller, its provider (where it answers UNIMPLEMENTED), its DTOs, and a spec. */
export function rpc({ name, stream = 'none', service, ...where }) {
  return async (tree, context) => {
    const { protoWithRpc } = await import('./proto-with-rpc.js');
    const called = className(name, 'an RPC');
    if (!STREAMS.includes(stream)) throw new Error(`stream takes none, server, client or both, not "${stream}".`);
    const app = existingService(tree, where);
    const { subfiles } = tree.getDir(app.protos);
    const protos = new Map(
      subfiles.map((file) => [`${app.protos}/${file}`, tree.read(`${app.protos}/${file}`).toString()]),
    );
    const added = protoWithRpc(protos, { rpc: called, stream, service });
    const changed = new Map([[added.path, added.text]]);
    const writeProto = (rest) => put(rest, added.path, added.text);
    if (tree.exists(`apps/${app.app}/.generated.json`)) {
      return chain([writeProto, updateFromProto(app, { changed }, context)]);
    }
    const { addToSources } = await import('./add-to-sources.js');
    const write = (rest) =>
      addToSources(rest, { root: process.cwd(), app, service: added.service, rpc: called, changed });
    const tell = () => context.logger.info(`Not implemented yet: ${app.protoPackage}.${added.service}/${called}`);
    return chain([writeProto, write, format(), tell]);
  };
}
