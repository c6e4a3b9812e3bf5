import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { listKustomization } from './kustomization.js';
import type { Resource } from './resource.js';

/** What the specs read of an ExternalSecret. */
interface ExternalSecret {
  target: { name: string; template?: { data: Readonly<Record<string, string>> } };
  data: readonly { secretKey: string; remoteRef: { key: string; property: string } }[];
}

const COMPONENT = 'k8s/components/external-secrets';

/**
 * The Secrets that the External Secrets Operator makes of the component: each property of the store has its own name as
 * its value, so that two Secrets agree on a password when they take it from one property. None without the component.
 */
export function secretsOfStore(root: string): Resource[] {
  const component = join(root, COMPONENT);
  if (!existsSync(component)) return [];
  return listKustomization(component).resources.map((resource) => {
    const { target, data } = resource.spec as unknown as ExternalSecret;
    const values = Object.fromEntries(data.map(({ secretKey, remoteRef }) => [secretKey, remoteRef.property]));
    const templates = target.template && Object.entries(target.template.data);
    const made = templates?.map(([key, template]) => [key, filledIn(template, values)] as const);
    const stringData = made ? Object.fromEntries(made) : values;
    return { apiVersion: 'v1', kind: 'Secret', metadata: { name: target.name }, stringData };
  });
}

/** @throws {Error} for what a template asks for and the ExternalSecret does not fetch */
function filledIn(template: string, values: Readonly<Record<string, string>>): string {
  return template.replace(/\{\{ \.(\w+) \| urlquery \}\}/g, (_, key: string) => {
    const value = values[key];
    if (value === undefined) throw new Error(`the template ${template} asks for ${key}, which is not fetched`);
    return encodeURIComponent(value);
  });
}
