import { applyEdits, modify } from 'jsonc-parser';
import { addToCompose, removeFromCompose } from './compose.js';
import { insertAfterLast, removeLines } from './lines.js';
import { withImport, withName, withoutImport, withoutName } from './lists.js';

/**
 * Lines that a file of the workspace has for each service: where they go, and what they say. The same lines are what
 * removal takes out.
 */
const LISTS = [
  {
    path: 'docker-compose.yml',
    wanted: ({ database }) => database,
    anchor: /^# {3}export REDIS_URL/,
    sibling: /^# {3}DATABASE_URL=.* npx nest start /,
    added: ({ app, role }) => [
      `#   DATABASE_URL=postgres://${role}:${role}@127.0.0.1:5432/${role} npx nest start ${app}`,
    ],
  },
  {
    path: 'docker-compose.yml',
    wanted: ({ database }) => database,
    anchor: /^ {6}POSTGRES_PASSWORD:/,
    sibling: /^ {6}\w+_PASSWORD:/,
    added: ({ role, variable }) => [`      ${variable}_PASSWORD: ${role}`],
  },
  {
    path: 'observability/prometheus.yml',
    wanted: () => true,
    anchor: /^ {8}names:$/,
    sibling: /^ {10}- [\w-]+-service$/,
    added: ({ app }) => [`          - ${app}`],
  },
  {
    path: 'docs/operations.md',
    wanted: () => true,
    anchor: /^\| process /,
    sibling: /^\| [\w-]+-service /,
    added: ({ app, ports }) => [`| ${app.padEnd(20)} | ${ports.grpc} | ${String(ports.http).padEnd(44)} |`],
  },
  {
    path: 'k8s/base/kustomization.yaml',
    wanted: ({ k8s }) => k8s,
    anchor: /^resources:/,
    sibling: /^ {2}- [\w-]+-service$/,
    added: ({ app }) => [`  - ${app}`],
  },
  {
    path: 'k8s/overlays/dev/kustomization.yaml',
    wanted: ({ k8s }) => k8s,
    anchor: /^images:/,
    sibling: /^ {2}- \{ name: rookery\/[\w-]+-service,/,
    added: ({ app }) => [`  - { name: rookery/${app}, newTag: dev }`],
  },
  {
    path: 'k8s/base/infra/postgres/statefulset.yaml',
    wanted: ({ database }) => database,
    anchor: /^ {12}- name: POSTGRES_PASSWORD$/,
    sibling: /^ {12}(- name: \w+_PASSWORD$| {2}valueFrom:| {4}secretKeyRef:)/,
    added: ({ variable }) => [
      `            - name: ${variable}_PASSWORD`,
      '              valueFrom:',
      `                secretKeyRef: { name: postgres, key: ${variable}_PASSWORD }`,
    ],
  },
  {
    path: 'k8s/overlays/dev/secrets.yaml',
    wanted: ({ database }) => database,
    anchor: /^ {2}POSTGRES_PASSWORD:/,
    sibling: /^ {2}\w+_PASSWORD:/,
    added: ({ role, variable }) => [`  ${variable}_PASSWORD: ${role}`],
  },
  {
    path: 'k8s/overlays/dev/secrets.yaml',
    wanted: ({ database, k8s }) => database && k8s,
    anchor: /^ {2}DATABASE_URL:/,
    sibling: /./,
    added: ({ app, role }) => [
      '---',
      'apiVersion: v1',
      'kind: Secret',
      'metadata:',
      `  name: ${app}-database`,
      'stringData:',
      `  DATABASE_URL: postgres://${role}:${role}@postgres:5432/${role}`,
    ],
  },
  {
    path: 'k8s/components/external-secrets/external-secrets.yaml',
    wanted: ({ database }) => database,
    anchor: /^ {4}- secretKey: POSTGRES_PASSWORD$/,
    sibling: /^ {4}- secretKey: \w+_PASSWORD$|^ {6}remoteRef:/,
    added: ({ variable }) => [
      `    - secretKey: ${variable}_PASSWORD`,
      `      remoteRef: { key: rookery/postgres, property: ${variable}_PASSWORD }`,
    ],
  },
  {
    path: 'k8s/components/external-secrets/external-secrets.yaml',
    wanted: ({ database, k8s }) => database && k8s,
    anchor: /^ {8}DATABASE_URL:/,
    sibling: /./,
    added: ({ app, role, variable }) => [
      '---',
      'apiVersion: external-secrets.io/v1',
      'kind: ExternalSecret',
      'metadata:',
      `  name: ${app}-database`,
      'spec:',
      '  refreshInterval: 1h0m0s',
      '  secretStoreRef: { kind: ClusterSecretStore, name: rookery }',
      '  target:',
      `    name: ${app}-database`,
      '    template:',
      '      data:',
      `        DATABASE_URL: postgres://${role}:{{ .password | urlquery }}@postgres:5432/${role}`,
      '  data:',
      '    - secretKey: password',
      `      remoteRef: { key: rookery/postgres, property: ${variable}_PASSWORD }`,
    ],
  },
  {
    path: 'k8s/base/gateway/kustomization.yaml',
    wanted: ({ k8s }) => k8s,
    anchor: /^ {4}literals:/,
    sibling: /^ {6}- /,
    added: ({ app, variable }) => [`      - ${variable}_URL=dns:///${app}:50051`],
  },
];

/** Files that list the services in a way of their own. */
const OTHERS = [
  { path: 'docker-compose.yml', wanted: () => true, add: addToCompose, remove: removeFromCompose },
  { path: 'nest-cli.json', wanted: () => true, add: addProject, remove: removeProject },
  { path: 'apps/platform/src/services.ts', wanted: () => true, add: addToPlatform, remove: removeFromPlatform },
  {
    path: 'k8s/base/infra/postgres/create-databases.sh',
    wanted: ({ database }) => database,
    add: (text, { role }) => replaced(text, /^(for service in .*?);/m, `$1 ${role};`, 'create-databases.sh'),
    remove: (text, { role }) => text.replace(new RegExp(`^(for service in .*?) ${role}\\b`, 'm'), '$1'),
  },
  { path: 'k8s/overlays/prod/kustomization.yaml', wanted: ({ k8s }) => k8s, add: addImage, remove: removeImage },
  { path: 'docs/configuration.md', wanted: () => true, add: addAddress, remove: removeAddress },
];

/**
 * Adds `service` wherever the workspace lists its services.
 * @returns the files that stay in prettier's form by themselves; it takes long over some of them
 * @throws {Error} where they are listed in another way
 */
export function addToWorkspace(tree, service) {
  const inForm = new Set(LISTS.map(({ path }) => path));
  for (const { path, wanted, add } of OTHERS) {
    inForm.delete(path);
    if (wanted(service)) edit(tree, path, (text) => add(text, service));
  }
  for (const { path, wanted, anchor, sibling, added } of LISTS) {
    if (!wanted(service)) continue;
    edit(tree, path, (before) => {
      const { text, fits } = insertAfterLast(before, { path, anchor, sibling, added: added(service) });
      if (!fits) inForm.delete(path);
      return text;
    });
  }
  return inForm;
}

/** Takes `service` out again. */
export function removeFromWorkspace(tree, service) {
  for (const { path, remove } of OTHERS) edit(tree, path, (text) => remove(text, service));
  for (const { path, added } of LISTS) edit(tree, path, (text) => removeLines(text, added(service)));
}

function edit(tree, path, change) {
  const before = tree.read(path)?.toString();
  if (before === undefined) throw new Error(`${path} is missing; this is no Rookery workspace.`);
  const after = change(before);
  if (after !== before) tree.overwrite(path, after);
}

function replaced(text, pattern, replacement, path) {
  if (!pattern.test(text)) throw new Error(`${path} lists its services in another way than expected.`);
  return text.replace(pattern, replacement);
}

const JSON_STYLE = { formattingOptions: { insertSpaces: true, tabSize: 2 } };

function addProject(text, { app }) {
  const project = {
    type: 'application',
    root: `apps/${app}`,
    entryFile: 'main',
    sourceRoot: `apps/${app}/src`,
    compilerOptions: { tsConfigPath: `apps/${app}/tsconfig.app.json` },
  };
  return applyEdits(text, modify(text, ['projects', app], project, JSON_STYLE));
}

function removeProject(text, { app }) {
  return applyEdits(text, modify(text, ['projects', app], undefined, JSON_STYLE));
}

const PLATFORM_LIST = 'export const SERVICES\\b[^=]*=';
const moduleOf = ({ app, Entity }) => [`${Entity}ServiceModule`, `../../${app}/src/${app}.module.js`];

function addToPlatform(text, service) {
  const [name, module] = moduleOf(service);
  const listed = withName(text, PLATFORM_LIST, name);
  if (listed === undefined)
    throw new Error('apps/platform/src/services.ts lists its services in another way than expected.');
  return withImport(listed, name, module);
}

function removeFromPlatform(text, service) {
  const [name, module] = moduleOf(service);
  return withoutName(withoutImport(text, name, module), PLATFORM_LIST, name);
}

/** From the registry and with the tag of the service before it, which a release may have changed. */
function addImage(text, { app }) {
  const images = [...text.matchAll(/^ {2}- \{ name: rookery\/([\w-]+-service),.*\}\n/gm)];
  const last = images.at(-1);
  if (!last) throw new Error('k8s/overlays/prod/kustomization.yaml lists its images in another way than expected.');
  const at = last.index + last[0].length;
  return text.slice(0, at) + last[0].replaceAll(last[1], app) + text.slice(at);
}

function removeImage(text, { app }) {
  return text.replace(new RegExp(`^ {2}- \\{ name: rookery/${app},.*\\}\\n`, 'm'), '');
}

/** As `npm run docs:config` writes it. */
function address({ app, variable, ports }) {
  return `## Where ${app} is

| variable | takes | default | |
|---|---|---|---|
| \`${variable}_URL\` | a gRPC target such as dns:///user-service:50051 or 127.0.0.1:50051 | \`127.0.0.1:${ports?.grpc}\`; \`dns:///${app}:50051\` in production | Where ${app} is reached (a gRPC target). |

`;
}

function addAddress(text, service) {
  const titles = [...text.matchAll(/^## Where ([\w-]+) is$/gm)];
  const next = titles.find(([, app]) => app > service.app)?.index;
  const last = titles.at(-1);
  const at = next ?? (last ? text.indexOf('\n## ', last.index + 1) + 1 : -1);
  if (at <= 0) throw new Error('docs/configuration.md says in another way than expected where the services are.');
  return text.slice(0, at) + address(service) + text.slice(at);
}

function removeAddress(text, { app }) {
  return text.replace(new RegExp(`^## Where ${app} is\\n[^]*?(?=^## )`, 'm'), '');
}
