import { InvalidArgument } from '@rookery/errors';
import { type PathTemplate } from './path-template.js';

/** What the router needs to know of a route. */
export interface Routable {
  /** Upper case; `*` is any verb. */
  readonly verb: string;
  readonly template: PathTemplate;
}

/** What a path leads to. */
export type Match<R> =
  | {
      readonly kind: 'route';
      readonly route: R;
      /** Decoded, in the order of the template's variables. */ readonly values: readonly string[];
    }
  | {
      readonly kind: 'wrong-verb';
      /** Those that the path has, for the `Allow` header. */ readonly allowed: readonly string[];
    }
  | { readonly kind: 'none' };

/** The routes that end at one place of the tree: custom verb -> HTTP verb -> route. */
type Ends<R> = Map<string, Map<string, R>>;

class Node<R> {
  readonly literals = new Map<string, Node<R>>();
  star: Node<R> | undefined;
  readonly ends: Ends<R> = new Map();
  /** Routes whose last segment is a `**` here. */
  readonly deepEnds: Ends<R> = new Map();
}

/**
 * Finds the route of a verb and path. A literal beats `*`, which beats `**`, from left to right; a custom verb beats a
 * variable that would swallow it. A more general route answers for verbs that the more precise one does not have.
 */
export class Router<R extends Routable> {
  private readonly root = new Node<R>();

  constructor(routes: Iterable<R>) {
    for (const route of routes) this.add(route);
  }

  private add(route: R): void {
    const { segments, verb } = route.template;
    let node = this.root;
    let ends = node.ends;
    for (const segment of segments) {
      if (segment.kind === '**') {
        ends = node.deepEnds;
        break;
      }
      node = segment.kind === '*' ? (node.star ??= new Node()) : child(node, segment.value);
      ends = node.ends;
    }
    const verbs = ends.get(verb) ?? new Map<string, R>();
    verbs.set(route.verb, route);
    ends.set(verb, verbs);
  }

  /**
   * @param path as it came in, percent-encoded, without the query
   * @throws {InvalidArgument} when its encoding is broken
   */
  match(verb: string, path: string): Match<R> {
    const raw = path.split('/').slice(1);
    const decoded = raw.map(decode);
    const last = raw.at(-1) ?? '';
    const colon = last.lastIndexOf(':');
    if (colon >= 0) {
      const stem = [...raw.slice(0, -1), last.slice(0, colon)];
      const found = this.find(
        verb,
        stem,
        [...decoded.slice(0, -1), decode(last.slice(0, colon))],
        decode(last.slice(colon + 1)),
      );
      if (found.kind !== 'none') return found;
    }
    return this.find(verb, raw, decoded, '');
  }

  private find(verb: string, raw: readonly string[], decoded: readonly string[], customVerb: string): Match<R> {
    const allowed = new Set<string>();
    for (const ends of endsOf(this.root, decoded, 0)) {
      const verbs = ends.get(customVerb);
      if (!verbs) continue;
      const route = verbs.get(verb) ?? (verb === 'HEAD' ? verbs.get('GET') : undefined) ?? verbs.get('*');
      if (route) return { kind: 'route', route, values: valuesOf(route.template, raw, decoded) };
      for (const name of verbs.keys()) allowed.add(name);
      if (verbs.has('GET')) allowed.add('HEAD');
    }
    return allowed.size > 0 ? { kind: 'wrong-verb', allowed: [...allowed].sort() } : { kind: 'none' };
  }
}

function child<R>(node: Node<R>, name: string): Node<R> {
  const found = node.literals.get(name) ?? new Node<R>();
  node.literals.set(name, found);
  return found;
}

/** The ends that a path reaches, the most precise first. A node is visited at most once a call: the tree bounds the work. */
function* endsOf<R>(node: Node<R>, path: readonly string[], at: number): Generator<Ends<R>> {
  const segment = path[at];
  if (segment === undefined) {
    yield node.ends;
  } else if (segment !== '') {
    const literal = node.literals.get(segment);
    if (literal) yield* endsOf(literal, path, at + 1);
    if (node.star) yield* endsOf(node.star, path, at + 1);
  }
  if (node.deepEnds.size > 0) yield node.deepEnds;
}

/**
 * A variable of one segment is decoded wholly. In one of several segments an encoded slash stays encoded, as
 * google/api/http.proto has it: it would look like one that separates segments.
 */
function valuesOf({ segments, variables }: PathTemplate, raw: readonly string[], decoded: readonly string[]): string[] {
  return variables.map(({ start, end }) => {
    const deep = segments[end - 1]?.kind === '**';
    if (!deep && end - start === 1) return decoded[start] ?? '';
    return raw
      .slice(start, deep ? undefined : end)
      .map((segment) =>
        segment
          .split(/(%2F)/i)
          .map((piece, index) => (index % 2 === 1 ? piece : decode(piece)))
          .join(''),
      )
      .join('/');
  });
}

function decode(segment: string): string {
  if (!segment.includes('%')) return segment;
  try {
    return decodeURIComponent(segment);
  } catch (error) {
    throw new InvalidArgument(`The path has a broken percent-encoding in "${segment}".`, {
      reason: 'MALFORMED_PATH',
      cause: error,
    });
  }
}
