import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import type { Resource } from '../../tools/doctor/deployment/resource.js';

// Formats (int32, int-or-string) are Kubernetes' own and narrow nothing that the types leave open.
const ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true });
for (const [name, file] of [
  ['kubernetes', 'kubernetes-strict.schema.json'],
  ['custom', 'custom-resources.schema.json'],
] as const) {
  ajv.addSchema(JSON.parse(readFileSync(new URL(file, import.meta.url), 'utf8')) as object, name);
}

/** What is wrong with a manifest by Kubernetes' own schema, unknown fields included; empty when nothing is. */
export const manifestProblems = (resource: Resource): string[] => problemsBy('kubernetes', resource);

/** The same in a component, whose custom resources are checked by the fields of their definitions that it uses. */
export function componentProblems(resource: Resource): string[] {
  const [group] = resource.apiVersion.split('/') as [string];
  const builtIn = !group.includes('.') || group.endsWith('.k8s.io');
  return problemsBy(builtIn ? 'kubernetes' : 'custom', resource);
}

function problemsBy(schema: 'kubernetes' | 'custom', resource: Resource): string[] {
  const kind = `${resource.apiVersion}/${resource.kind}`;
  const validate = ajv.getSchema(`${schema}#/kinds/${kind.replaceAll('/', '~1')}`);
  if (!validate) return [`the schema knows no ${kind}`];
  if (validate(resource)) return [];
  return (validate.errors ?? []).map(
    ({ instancePath, message, params }) => `${instancePath}: ${message} ${JSON.stringify(params)}`,
  );
}
