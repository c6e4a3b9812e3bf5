import { type RestBinding } from '../descriptors/rest-binding.js';
import { type Schemas } from './schemas.js';
import { type Parameter } from './types.js';

/** A binding's path as OpenAPI writes it, which knows no wildcards within a variable. */
export interface OpenApiPath {
  readonly path: string;
  readonly parameters: Parameter[];
}

/**
 * Gives each wildcard a parameter: `{name=shelves/*}` is `/shelves/{shelvesId}`. OpenAPI forbids two paths that differ
 * in the names of parameters only, so the first binding of a shape names them for all.
 */
export class OpenApiPaths {
  private readonly namesByShape = new Map<string, string[]>();

  constructor(private readonly schemas: Schemas) {}

  of(binding: RestBinding): OpenApiPath {
    const { segments, shape, verb } = binding.template;
    const names = this.namesByShape.get(shape) ?? namesOf(binding);
    this.namesByShape.set(shape, names);
    const parameters: Parameter[] = [];
    const parts = segments.map((segment, position) => {
      if (segment.kind === 'literal') return segment.value;
      const name = names[parameters.length] ?? `part${parameters.length + 1}`;
      parameters.push(this.parameter(binding, position, name));
      return `{${name}}`;
    });
    return { path: `/${parts.join('/')}${verb === '' ? '' : `:${verb}`}`, parameters };
  }

  private parameter({ template, pathFields }: RestBinding, position: number, name: string): Parameter {
    const index = template.variables.findIndex(({ start, end }) => position >= start && position < end);
    const variable = template.variables[index];
    const field = pathFields[index];
    if (!variable || !field) return { name, in: 'path', required: true, schema: { type: 'string' } };
    const { description, readOnly: _, ...schema } = this.schemas.ofField(field.leaf);
    const whole = variable.end - variable.start === 1;
    const source = template.source.slice(template.source.indexOf(`{${variable.name}`)).split('}')[0];
    const parameter: Parameter = { name, in: 'path', required: true, schema: whole ? schema : { type: 'string' } };
    const text = [description, whole ? undefined : `A part of \`${source}}\`.`].filter(Boolean).join('\n');
    if (text !== '') parameter.description = text;
    return parameter;
  }
}

/** A variable of one segment has its own name; within a longer one a wildcard is named after the literal before it. */
function namesOf({ template: { segments, variables } }: RestBinding): string[] {
  const names: string[] = [];
  segments.forEach((segment, position) => {
    if (segment.kind === 'literal') return;
    const variable = variables.find(({ start, end }) => position >= start && position < end);
    const before = segments[position - 1];
    let name = `part${position + 1}`;
    if (variable && variable.end - variable.start === 1) name = variable.name;
    else if (before?.kind === 'literal') name = `${before.value}Id`;
    names.push(names.includes(name) ? `${name}${position + 1}` : name);
  });
  return names;
}
