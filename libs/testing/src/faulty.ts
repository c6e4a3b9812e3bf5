import { setTimeout as delay } from 'node:timers/promises';
import { durationToMs } from '@rookery/config';
import { callContext, remainingTime } from '@rookery/context';
import { type ServiceClient, attachMethodDefinition, methodDefinitionOf } from '@rookery/contracts';
import { Cancelled, DeadlineExceeded, RookeryError } from '@rookery/errors';
import type { CallOptions, Duration } from '@rookery/grpc';

/** What goes wrong with the calls of one method, before the service hears of them. */
export interface Fault {
  /**
   * How long they take first; Infinity for ever. A signal or a timeout of the call cuts it short, and so do those of the
   * call being served.
   */
  delay?: Duration;
  /** What they fail with then. Default: they go on. */
  error?: Error;
  /** To how many calls it happens; the later ones go well. Default: to all. */
  times?: number;
}

/** Faults by method. An error alone is what each call fails with. */
export type Faults<C> = { readonly [K in keyof C]?: Error | Fault };

/** No timer of Node.js takes longer, in milliseconds. */
const LONGEST_TIMER = 2 ** 31 - 1;

type AnyCall = (request: unknown, options?: CallOptions) => unknown;

/** A client like `client`, real or fake, some of whose calls fail or take long. */
export function faulty<C extends ServiceClient<{ methods: object }, CallOptions>>(client: C, faults: Faults<C>): C {
  const broken = Object.entries<Error | Fault | undefined>(faults).map(([name, fault]) => {
    const call = (client as Record<string, AnyCall>)[name]!;
    const faultyCall = withFault(call, fault instanceof Error ? { error: fault } : (fault ?? {}));
    const definition = methodDefinitionOf(call);
    if (definition) attachMethodDefinition(faultyCall, definition);
    return [name, faultyCall];
  });
  return { ...client, ...Object.fromEntries(broken) };
}

function withFault(call: AnyCall, { delay: wait = 0, error, times = Number.POSITIVE_INFINITY }: Fault): AnyCall {
  let calls = 0;
  const suffer = async (options: CallOptions = {}) => {
    calls += 1;
    if (calls > times) return;
    await within(durationToMs(wait), options);
    if (error) throw error;
  };
  if (!methodDefinitionOf(call)?.responseStream) {
    return async (request, options) => {
      await suffer(options);
      return call(request, options);
    };
  }
  return async function* (request, options) {
    await suffer(options);
    yield* call(request, options) as AsyncIterable<unknown>;
  };
}

async function within(wait: number, { signal, timeout = Number.POSITIVE_INFINITY }: CallOptions): Promise<void> {
  const limit = Math.min(durationToMs(timeout), remainingTime() ?? Number.POSITIVE_INFINITY);
  const ended = AbortSignal.any([callContext()?.signal, signal].filter((each) => each !== undefined));
  let left = Math.min(wait, limit);
  try {
    do await delay(Math.min(left, LONGEST_TIMER), undefined, { signal: ended });
    while ((left -= LONGEST_TIMER) > 0);
  } catch (cause) {
    if (ended.reason instanceof RookeryError) throw ended.reason;
    throw new Cancelled('The call was cancelled.', { cause });
  }
  if (wait > limit) throw new DeadlineExceeded(`There was no answer within ${Math.round(limit)} ms.`);
}
