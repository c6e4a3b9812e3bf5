import { withDefaultHost } from '../workspace/default-host.js';
import { format } from '../workspace/format.js';
import { withImport, withName } from '../workspace/lists.js';
import { nextPorts, portsOf } from '../workspace/ports.js';
import { put } from '../workspace/put.js';

const root = () => process.cwd();

/** A service whose proto is there: handlers, DTOs and stubs for the RPCs of every service of its package. */
export async function fromProto(tree, service, { port }) {
  const { serviceFilesFromProto } = await import('../proto/proto-first.js');
  const { GENERATED_FILE, writeGenerated } = await import('../proto/merge-service-files.js');
  const { app, domain } = service;
  const { files, services, unimplemented } = await serviceFilesFromProto({ root: root(), domain, appName: app });
  const protos = protosOf(tree, domain);
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
    notes: told(unimplemented),
  };
  const write = (made) => {
    for (const [path, text] of files) made.create(`apps/${app}/src/${path}`, text);
    made.create(`apps/${app}/${GENERATED_FILE}`, writeGenerated(files));
    setDefaultHosts(made, protos, `${app}:${ports.grpc}`);
  };
  return { described, sources: [write] };
}

/**
 * Adds to a service that was made from its proto what the proto has got since, and leaves what was edited as it is.
 * @param options `port`, which it has to have, and `changed`: protos that are not written yet, by path
 * @throws {Error} when it has another port than `port`
 */
export function updateFromProto({ app, domain }, { port, changed }, context) {
  return async (tree) => {
    const ports = portsOf(tree, app);
    if (!ports) throw new Error(`apps/${app}/src/${app}.module.ts declares no ports.`);
    if (port !== undefined && port !== ports.grpc) throw new Error(`${app} is there, on port ${ports.grpc}.`);
    const { serviceFilesFromProto } = await import('../proto/proto-first.js');
    const { GENERATED_FILE, mergeServiceFiles, readGenerated, writeGenerated } =
      await import('../proto/merge-service-files.js');
    const folder = `apps/${app}/src`;
    const generatedPath = `apps/${app}/${GENERATED_FILE}`;
    const {
      files: now,
      services,
      unimplemented,
    } = await serviceFilesFromProto({
      root: root(),
      domain,
      appName: app,
      changed,
    });
    const before = readGenerated(tree.read(generatedPath).toString());
    const read = (path) => tree.read(`${folder}/${path}`)?.toString();
    const { files, left, generated } = await mergeServiceFiles({ folder, before, now, read });
    for (const [path, text] of files) put(tree, `${folder}/${path}`, text);
    put(tree, generatedPath, writeGenerated(generated));
    setDefaultHosts(tree, protosOf(tree, domain), `${app}:${ports.grpc}`);
    serve(
      tree,
      app,
      services.filter(({ kebab }) => !before.has(`${kebab}.controller.ts`)),
      context.logger,
    );
    for (const { path, reason, missing } of left) {
      context.logger.warn(`${folder}/${path} was left as it is: ${reason}.${missing.length > 0 ? ' It lacks:' : ''}`);
      for (const line of missing) context.logger.warn(`  ${line}`);
    }
    const waiting = unimplemented.filter((rpc) => {
      const [, service, method] = /([^.]+)\/(.+)$/.exec(rpc);
      const { kebab } = services.find(({ name }) => name === service);
      return read(`${kebab}.service.ts`)?.includes(`'${method} is not implemented yet'`);
    });
    for (const line of told(waiting)) context.logger.info(line);
    return format();
  };
}

/** Has the module serve what the package has got since; its owner may have changed everything else in it. */
function serve(tree, app, services, logger) {
  const path = `apps/${app}/src/${app}.module.ts`;
  for (const { controller, provider, kebab } of services) {
    const text = tree.read(path).toString();
    const listed = withName(text, 'controllers:', controller);
    const provided = listed && withName(listed, 'providers:', provider);
    if (provided) {
      const imported = withImport(provided, controller, `./${kebab}.controller.js`);
      put(tree, path, withImport(imported, provider, `./${kebab}.service.js`));
    } else {
      logger.warn(`${path} was left as it is: it lists its parts in another way. Add ${controller} and ${provider}.`);
    }
  }
}

function setDefaultHosts(tree, protos, host) {
  for (const path of protos) put(tree, path, withDefaultHost(tree.read(path).toString(), host));
}

const protosOf = (tree, domain) =>
  tree.getDir(`proto/${domain}/v1`).subfiles.map((file) => `proto/${domain}/v1/${file}`);

const told = (unimplemented) =>
  unimplemented.length > 0 ? ['Not implemented yet:', ...unimplemented.map((rpc) => `  ${rpc}`)] : [];

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
