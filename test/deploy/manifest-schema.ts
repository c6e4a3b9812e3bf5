import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import type { Resource } from '../../tools/doctor/deployment/resource.js';

// Formats (int32, int-or-string) are Kubernetes' own and narrow nothing that the types leave open.
const ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true });
const text = readFileSync(new URL('kubernetes-strict.schema.json', import.meta.url), 'utf8');
ajv.addSchema(JSON.parse(text) as object, 'kubernetes');

/** What is wrong with a manifest by Kubernetes' own schema, unknown fields included; empty when nothing is. */
export function manifestProblems(resource: Resource): string[] {
  const kind = `${resource.apiVersion}/${resource.kind}`;
  const validate = ajv.getSchema(`kubernetes#/kinds/${kind.replaceAll('/', '~1')}`);
  if (!validate) return [`the schema knows no ${kind}`];
  if (validate(resource)) return [];
  return (validate.errors ?? []).map(
    ({ instancePath, message, params }) => `${instancePath}: ${message} ${JSON.stringify(params)}`,
  );
}
