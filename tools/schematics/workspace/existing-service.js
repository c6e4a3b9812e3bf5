import { serviceName } from './service-name.js';

/**
 * A service of the workspace that something is to be added to: `--project payment-service`, also `payment`. Nest's CLI says
 * which by the folder of its sources, or asks.
 * @throws {Error} when there is none of that name, or the app is none
 */
export function existingService(tree, { project, sourceRoot }) {
  const given = project ?? /^\/?apps\/([^/]+)\//.exec(sourceRoot ?? '')?.[1];
  if (!given) throw new Error('Of which service? Say --project payment-service.');
  const app = tree.exists(modulePath(given)) ? given : appCalled(given);
  const path = modulePath(app);
  const module = tree.read(path)?.toString();
  if (module === undefined) throw new Error(`There is no service ${app} in apps/. Nothing was changed.`);
  const protoPackage = /ServiceModule\.register\(\{[^]*?\bpackage: '([\w.]+)'/.exec(module)?.[1];
  if (protoPackage === undefined) throw new Error(`${app} is no gRPC service: ${path} registers none.`);
  const domain = protoPackage.replace(/\.v\d+$/, '');
  return {
    app,
    path,
    module,
    /** The package: payment.v1 */
    protoPackage,
    /** The folder of its protos: proto/payment/v1 */
    protos: `proto/${protoPackage.replaceAll('.', '/')}`,
    domain,
    /** What its files are called after: payment */
    kebab: app.replace(/-service$/, ''),
    /** What it declares: `cache`, `messaging`, `database`. */
    declares: (part) => new RegExp(`\\b${part}: (true|\\{)`).test(module),
  };
}

/** What is no name of a service is none of one that exists. */
function appCalled(given) {
  try {
    return serviceName(given).app;
  } catch {
    return given;
  }
}

const modulePath = (app) => `apps/${app}/src/${app}.module.ts`;
