import { EncodedReply } from '@rookery/contracts';
import { concat, from, of, throwError } from 'rxjs';
import type { Handlers } from './four-kinds.controller.js';
import { type Kind, type Reply, encodedReply } from './conformance-service.js';

/** What a handler shall do, however it is written: give these replies, and then throw, if it is to throw. */
export interface Script {
  replies: Reply[];
  throws?: { value: unknown };
}

/** A way to write a handler: what it returns for a script. */
export type HandlerStyle = (script: Script) => unknown;

/** Handlers that answer once: unary and client streams. */
const ONE: Record<string, HandlerStyle> = {
  'a plain value': ({ replies, throws }) => {
    if (throws) throw throws.value;
    return replies[0];
  },
  'a promise': async ({ replies, throws }) => {
    await nextTurn();
    if (throws) throw throws.value;
    return replies[0];
  },
  'an Observable': ({ replies, throws }) => (throws ? throwError(() => throws.value) : of(replies[0])),
  'a promise of an Observable': async ({ replies, throws }) =>
    throws ? throwError(() => throws.value) : of(replies[0]),
  'an EncodedReply': ({ replies, throws }) => {
    if (throws) throw throws.value;
    return new EncodedReply(encodedReply(replies[0]!));
  },
};

/** Handlers that answer many times: server streams and bidi. */
const MANY: Record<string, HandlerStyle> = {
  'an async generator': generate,
  'an AsyncIterable object': iterable,
  'a promise of an AsyncIterable': async (script) => {
    await nextTurn();
    return iterable(script);
  },
  'an Observable': ({ replies, throws }) =>
    throws
      ? concat(
          from(replies),
          throwError(() => throws.value),
        )
      : from(replies),
  'a promise of an Observable': async ({ replies, throws }) =>
    throws
      ? concat(
          from(replies),
          throwError(() => throws.value),
        )
      : from(replies),
  'a generator of EncodedReplies': async function* (script) {
    for await (const reply of generate(script)) yield new EncodedReply(encodedReply(reply));
  },
};

/** The ways to write a handler of each kind, by name. */
export const STYLES: Record<Kind, Record<string, HandlerStyle>> = {
  unary: ONE,
  clientStream: ONE,
  serverStream: MANY,
  bidi: MANY,
};

/** Kind × style, for `it.each`. */
export const KINDS_AND_STYLES = (Object.keys(STYLES) as Kind[]).flatMap((kind) =>
  Object.entries(STYLES[kind]).map(([style, write]) => ({ kind, style, write })),
);

/** The style most handlers of a kind are written in. */
export const USUAL: Record<Kind, HandlerStyle> = {
  unary: ONE['a promise']!,
  clientStream: ONE['a promise']!,
  serverStream: generate,
  bidi: generate,
};

/** Handlers of all four kinds, written as most are, that throw `value`. */
export function failing(value: unknown): Handlers {
  return Object.fromEntries(
    (Object.keys(USUAL) as Kind[]).map((kind) => [kind, () => USUAL[kind]({ replies: [], throws: { value } })]),
  );
}

const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

async function* generate({ replies, throws }: Script): AsyncGenerator<Reply> {
  for (const reply of replies) {
    await nextTurn();
    yield reply;
  }
  if (throws) throw throws.value;
}

/** An AsyncIterable that is no generator: it has no `return`, no `throw`, and a state of its own. */
function iterable({ replies, throws }: Script): AsyncIterable<Reply> {
  return {
    [Symbol.asyncIterator]() {
      const left = [...replies];
      return {
        async next() {
          const value = left.shift();
          if (value !== undefined) return { value, done: false };
          if (throws) throw throws.value;
          return { value: undefined, done: true };
        },
      };
    },
  };
}
