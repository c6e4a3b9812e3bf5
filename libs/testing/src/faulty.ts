import { setTimeout as delay } from 'node:timers/promises';
import { durationToMs } from '@rookery/config';
import { type ServiceClient, methodDefinitionOf } from '@rookery/contracts';
import { Cancelled, DeadlineExceeded } from '@rookery/errors';
import type { CallOptions, Duration } from '@rookery/grpc';

/** What goes wrong with the calls of one method, before the service hears of them. */
export interface Fault {
  /** How long they take first. A signal or a timeout of the call cuts it short. */
  delay?: Duration;
  /** What they fail with then. Default: they go on. */
  error?: Error;
  /** To how many calls it happens; the later ones go well. Default: to all. */
  times?: number;
}

/** Faults by method. An error alone is what each call fails with. */
export type Faults<C> = { readonly [K in keyof C]?: Error | Fault };

type AnyCall = (request: unknown, options?: CallOptions) => unknown;

/** A client like `client`, real or fake, some of whose calls fail or take long. */
export function faulty<C extends ServiceClient<{ methods: object }, CallOptions>>(client: C, faults: Faults<C>): C {
  const broken = Object.entries<Error | Fault | undefined>(faults).map(([name, fault]) => {
    const call = (client as Record<string, AnyCall>)[name]!;
    return [name, withFault(call, fault instanceof Error ? { error: fault } : (fault ?? {}))];
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
  const limit = durationToMs(timeout);
  try {
    await delay(Math.min(wait, limit), undefined, { signal });
  } catch (cause) {
    throw new Cancelled('The call was cancelled.', { cause });
  }
  if (wait > limit) throw new DeadlineExceeded(`There was no answer within ${limit} ms.`);
}
