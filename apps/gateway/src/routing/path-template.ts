/** One part of a path between two slashes: text, `*` for any one part, `**` for all the parts that follow. */
export type Segment =
  { readonly kind: 'literal'; readonly value: string } | { readonly kind: '*' } | { readonly kind: '**' };

/** A variable and the segments [start, end) that it captures. */
export interface Variable {
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

/** A google.api.http path template, parsed. */
export interface PathTemplate {
  /** As the proto has it. */
  readonly source: string;
  readonly segments: readonly Segment[];
  readonly variables: readonly Variable[];
  /** The custom verb after the colon, or empty. */
  readonly verb: string;
  /** The template without names: two templates with the same shape match the same paths. */
  readonly shape: string;
}

const LITERAL = /^[^{}*:/\s]+$/;
const FIELD_PATH = /^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$/;

/**
 * Parses `/v1/{name=shelves/*\/books/*}:archive`. The grammar is the one in google/api/http.proto:
 * `"/" Segments [":" LITERAL]`, a variable being `{field.path}` or `{field.path=Segments}`.
 * @throws {Error} that says where it goes wrong
 */
export function parsePathTemplate(source: string): PathTemplate {
  const fail = (why: string): never => {
    throw new Error(`the path template "${source}" ${why}`);
  };
  if (!source.startsWith('/')) fail('does not start with a slash');
  const { path, verb } = splitVerb(source);
  if (verb !== undefined && !LITERAL.test(verb)) fail(`has the unusable custom verb "${verb}"`);

  const segments: Segment[] = [];
  const variables: Variable[] = [];
  for (const part of splitOutsideBraces(path.slice(1))) {
    if (!part.startsWith('{')) {
      segments.push(parseSegment(part, fail));
      continue;
    }
    const [, name = '', pattern = '*'] =
      /^\{([^=]*)(?:=(.*))?\}$/.exec(part) ?? fail(`has the unusable part "${part}"`);
    if (!FIELD_PATH.test(name)) fail(`has a variable with the unusable name "${name}"`);
    if (variables.some((variable) => variable.name === name)) fail(`has the variable {${name}} twice`);
    const start = segments.length;
    segments.push(...pattern.split('/').map((inner) => parseSegment(inner, fail)));
    variables.push({ name, start, end: segments.length });
  }
  const deep = segments.findIndex(({ kind }) => kind === '**');
  if (deep !== -1 && deep !== segments.length - 1) fail('has ** before its end');
  const shape = `/${segments.map((segment) => (segment.kind === 'literal' ? segment.value : segment.kind)).join('/')}`;
  return { source, segments, variables, verb: verb ?? '', shape: verb ? `${shape}:${verb}` : shape };
}

/** The colon of the custom verb is the one that follows every brace and slash. */
function splitVerb(source: string): { path: string; verb: string | undefined } {
  const colon = source.lastIndexOf(':');
  if (colon <= Math.max(source.lastIndexOf('/'), source.lastIndexOf('}'))) return { path: source, verb: undefined };
  return { path: source.slice(0, colon), verb: source.slice(colon + 1) };
}

function splitOutsideBraces(path: string): string[] {
  const parts = [''];
  let depth = 0;
  for (const character of path) {
    if (character === '{') depth++;
    if (character === '}') depth--;
    if (character === '/' && depth === 0) parts.push('');
    else parts[parts.length - 1] += character;
  }
  return parts;
}

function parseSegment(text: string, fail: (why: string) => never): Segment {
  if (text === '*' || text === '**') return { kind: text };
  if (!LITERAL.test(text)) fail(text === '' ? 'has an empty segment' : `has the unusable segment "${text}"`);
  return { kind: 'literal', value: text };
}
