import { nextPorts } from '../workspace/ports.js';
import { withDefaultHost } from '../workspace/default-host.js';

const root = () => process.cwd();

/** A service whose proto is there: handlers, DTOs and stubs for the RPCs of every service of its package. */
export async function fromProto(tree, service, { port }) {
  const { serviceFilesFromProto } = await import('../proto/proto-first.js');
  const { GENERATED_FILE, writeGenerated } = await import('../proto/merge-service-files.js');
  const { app, domain } = service;
  const { files, services, unimplemented } = await serviceFilesFromProto({ root: root(), domain, appName: app });
  const protos = tree.getDir(`proto/${domain}/v1`).subfiles.map((file) => `proto/${domain}/v1/${file}`);
  const declared = declaredHosts(tree, protos);
  const foreign = declared.find(({ host }) => host !== app);
  if (foreign) throw new Error(`${foreign.path} belongs to ${foreign.host}, not to ${app} (google.api.default_host).`);
  const ports = nextPorts(tree, port ?? declared[0]?.port);
  const described = {
    ...service,
    ports,
    served: services[0].name,
    migrations: [],
    controllers: services.map(({ controller: name, kebab }) => ({ name, file: `${kebab}.controller` })),
    entityClasses: [],
    providers: services.map(({ provider: name, kebab }) => ({ name, file: `${kebab}.service` })),
    notes: ['Not implemented yet:', ...unimplemented.map((rpc) => `  ${rpc}`)],
  };
  const write = (made) => {
    for (const [path, text] of files) made.create(`apps/${app}/src/${path}`, text);
    made.create(`apps/${app}/${GENERATED_FILE}`, writeGenerated(files));
    for (const path of protos) {
      const before = made.read(path).toString();
      const after = withDefaultHost(before, `${app}:${ports.grpc}`);
      if (after !== before) made.overwrite(path, after);
    }
  };
  return { described, sources: [write] };
}

/** Adds to a service that was made from its proto what the proto has got since, and leaves what was edited as it is. */
export function updateFromProto({ app, domain }, context) {
  return async (tree) => {
    const { serviceFilesFromProto } = await import('../proto/proto-first.js');
    const { GENERATED_FILE, mergeServiceFiles, readGenerated, writeGenerated } =
      await import('../proto/merge-service-files.js');
    const folder = `apps/${app}/src`;
    const generatedPath = `apps/${app}/${GENERATED_FILE}`;
    const { files: now } = await serviceFilesFromProto({ root: root(), domain, appName: app });
    const before = readGenerated(tree.read(generatedPath).toString());
    const read = (path) => tree.read(`${folder}/${path}`)?.toString();
    const { files, left, generated } = await mergeServiceFiles({ folder, before, now, read });
    for (const [path, text] of files) put(tree, `${folder}/${path}`, text);
    put(tree, generatedPath, writeGenerated(generated));
    for (const { path, reason, missing } of left) {
      context.logger.warn(`${folder}/${path} was left as it is: ${reason}.${missing.length > 0 ? ' It lacks:' : ''}`);
      for (const line of missing) context.logger.warn(`  ${line}`);
    }
  };
}

function put(tree, path, text) {
  if (!tree.exists(path)) tree.create(path, text);
  else if (tree.read(path).toString() !== text) tree.overwrite(path, text);
}

/** What the protos say of where their services are. */
function declaredHosts(tree, paths) {
  return paths.flatMap((path) =>
    [
      ...tree
        .read(path)
        .toString()
        .matchAll(/\(google\.api\.default_host\)\s*=\s*"([\w.-]+):(\d+)"/g),
    ].map(([, host, port]) => ({ path, host, port: Number(port) })),
  );
}
