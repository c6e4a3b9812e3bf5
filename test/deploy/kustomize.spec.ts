import { spawnSync } from 'node:child_process';
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parseAllDocuments, stringify } from 'yaml';
import { listKustomization } from '../../tools/doctor/deployment/kustomization.js';
import { components, overlays } from './overlays.js';
import type { Resource } from '../../tools/doctor/deployment/resource.js';

const hasKubectl = spawnSync('kubectl', ['version', '--client']).status === 0;
if (!hasKubectl) console.warn('skipped: kubectl is not on the PATH, so its rendering is not compared with our listing');

/** Each component in each overlay, as a team would add it. */
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'rookery-kustomize-')));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const withComponents = {
  name: 'prod with all components',
  make: () => {
    const from = (path: string) => relative(folder, resolve(path));
    const prod = overlays.find(({ name }) => name === 'prod')!;
    const kustomization = {
      apiVersion: 'kustomize.config.k8s.io/v1beta1',
      kind: 'Kustomization',
      namespace: 'rookery',
      resources: [from(prod.folder)],
      components: components.map((component) => from(component.folder)),
    };
    writeFileSync(join(folder, 'kustomization.yaml'), stringify(kustomization));
    return folder;
  },
};

/** By kind and name, without what our listing leaves out: namespaces, and the suffixes of generated names. */
function comparable(resources: readonly Resource[]): Record<string, unknown> {
  const generated = resources.filter(({ kind }) => kind === 'ConfigMap').map(({ metadata }) => metadata.name);
  let text = JSON.stringify(resources);
  for (const name of generated) text = text.replaceAll(`"${name}"`, `"${name.replace(/-[a-z0-9]{10}$/, '')}"`);
  const plain = JSON.parse(text) as (Resource & { metadata: { namespace?: string } })[];
  for (const { metadata } of plain) delete metadata.namespace;
  return Object.fromEntries(plain.map((resource) => [`${resource.kind} ${resource.metadata.name}`, resource]));
}

describe.skipIf(!hasKubectl)('kubectl kustomize', () => {
  it.each([...overlays.map(({ name, folder: path }) => ({ name, make: () => path })), withComponents])(
    'makes of $name what our listing says',
    ({ make }) => {
      const path = make();
      const { stdout, stderr, status } = spawnSync('kubectl', ['kustomize', path], { encoding: 'utf8' });
      expect(status, stderr).toBe(0);
      const rendered = parseAllDocuments(stdout).map((document) => document.toJS() as Resource);
      expect(rendered.length).toBeGreaterThan(0);
      expect(comparable(rendered)).toEqual(comparable(listKustomization(path).resources));
    },
    30_000,
  );
});
