import { prefixOf } from '../../../apps/platform/src/environment-view.js';
import type { Check, Problem } from '../finding.js';
import type { App } from '../workspace/app.js';
import { COMPOSE, type Overlay, environmentIn } from '../workspace/deployment.js';
import { lineOf, place } from '../workspace/place.js';
import { type Variable, dotEnvAt, targetVariableOf, variablesIn } from '../workspace/variables.js';
import type { Workspace } from '../workspace/workspace.js';
import { containerProblems } from './containers.js';
import { knownVariables } from './known-variables.js';

/** Kubernetes, compose and .env give the apps variables that they have, and all that they need. */
export const configuration: Check = {
  name: 'configuration',
  promise: 'Kubernetes, compose and .env set variables that exist, and all that are required',
  run: (workspace) => ({
    problems: [
      ...workspace.overlays.flatMap((overlay) => ofOverlay(workspace, overlay)),
      ...ofCompose(workspace),
      ...ofDotEnv(workspace),
    ],
  }),
};

function ofOverlay(workspace: Workspace, overlay: Overlay): Problem[] {
  const run = overlay.cluster.all('Deployment').map(({ metadata }) => metadata.name);
  return workspace.apps
    .filter(({ name }) => run.includes(name))
    .flatMap((app) => {
      const known = knownVariables(workspace, app);
      const given = overlay.cluster.environmentOf(overlay.cluster.workload(app.name));
      return [
        ...unknown(app, overlay, known, given),
        ...missing(app, overlay, known, given),
        ...containerProblems(workspace, overlay, app, given),
      ];
    });
}

type Given = Readonly<Record<string, string>>;

function unknown(app: App, overlay: Overlay, known: readonly Variable[], given: Given): Problem[] {
  return unread(known, given).map((name) => ({
    severity: 'error',
    what: `${app.name} is given ${name} (overlay ${overlay.name}), which it does not read`,
    where: overlay.find(name, app.name),
    fix: meant(name, known),
  }));
}

function unread(known: readonly Variable[], given: Given): string[] {
  return Object.keys(given).filter((name) => !known.some((variable) => variable.name === name));
}

/** Names the variable that differs least, when it is close. */
function meant(name: string, known: readonly Variable[]): string {
  const words = new Set(name.split('_'));
  const shared = (other: string) => other.split('_').filter((word) => words.has(word)).length;
  const close = known.map((variable) => variable.name).toSorted((a, b) => shared(b) - shared(a))[0];
  const remove = close && shared(close) > 0 ? `Remove it, or write ${close} if that was meant.` : 'Remove it.';
  return `${remove} docs/configuration.md has all variables.`;
}

function missing(app: App, overlay: Overlay, known: readonly Variable[], given: Given): Problem[] {
  if (given.NODE_ENV !== 'production') return [];
  return known
    .filter(({ name, requiredInProduction }) => requiredInProduction && !given[name])
    .map(({ name }) => ({
      severity: 'error',
      what: `${app.name} needs ${name} in production, and overlay ${overlay.name} does not set it`,
      where: overlay.find(app.name, app.name),
      fix: `Set ${name} in k8s/base/${app.name}, or do not declare what needs it in the module.`,
    }));
}

/** Apps in compose, as far as there are any; the databases of all services. */
function ofCompose(workspace: Workspace): Problem[] {
  const { compose, apps, services } = workspace;
  if (!compose) return [];
  const at = (text: string) => place(COMPOSE, lineOf(compose.text, new RegExp(`\\b${text}\\b`)));
  const ofApps = apps.flatMap((app) => {
    const given = environmentIn(compose.services[app.name] ?? {});
    const known = knownVariables(workspace, app);
    return unread(known, given).map((name): Problem => {
      const what = `${app.name} is given ${name} by compose, which it does not read`;
      return { severity: 'error', what, where: at(name), fix: meant(name, known) };
    });
  });
  const server = compose.services.postgres;
  const passwords = Object.keys(server ? environmentIn(server) : {});
  const withoutPassword = services.filter(
    ({ service }) => server && service.database && !passwords.includes(`${prefixOf(service.name)}PASSWORD`),
  );
  const ofDatabases = withoutPassword.map(({ service: { name } }): Problem => {
    const what = `compose makes no database for ${name}`;
    const fix = `Add ${prefixOf(name)}PASSWORD to the environment of postgres.`;
    return { severity: 'error', what, where: at('postgres'), fix };
  });
  return [...ofApps, ...ofDatabases];
}

/** `npm start` gives `USER_SERVICE_LOG_LEVEL` to user-service as LOG_LEVEL. */
function ofDotEnv(workspace: Workspace): Problem[] {
  const { apps, dotEnv, libVariables, services } = workspace;
  const everywhere = [
    ...[...libVariables.values()].flat(),
    ...apps.flatMap(({ sources }) => variablesIn(sources)),
    ...services.map(({ service }) => targetVariableOf(service.name)),
  ];
  const names = new Set(everywhere.map(({ name }) => name));
  const own = (name: string) => {
    const prefix = apps.map((app) => prefixOf(app.name)).find((each) => name.startsWith(each));
    return prefix === undefined ? name : name.slice(prefix.length);
  };
  return Object.keys(dotEnv.variables)
    .filter((name) => !names.has(name) && !names.has(own(name)))
    .map((name) => ({
      severity: 'warning',
      what: `nothing reads ${name} of .env`,
      where: dotEnvAt(dotEnv.text, name),
      fix: meant(name, everywhere),
    }));
}
