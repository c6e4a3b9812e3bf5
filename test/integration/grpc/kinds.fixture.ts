import { type CallContext, runWithContext } from '@rookery/context';
import type { MethodDefinition } from '@rookery/contracts';
import { GetUserRequest, User } from '@rookery/contracts/user/v1';
import { RookeryError } from '@rookery/errors';

type Level = MethodDefinition['options']['idempotencyLevel'];

const method = <Q extends boolean, P extends boolean>(
  name: string,
  requestStream: Q,
  responseStream: P,
  level?: Level,
) => ({
  name,
  requestType: GetUserRequest,
  requestStream,
  responseType: User,
  responseStream,
  options: { idempotencyLevel: level },
});

/** A service with the four kinds, and unary methods of each idempotency level. */
export const KindsDefinition = {
  name: 'KindsService',
  fullName: 'kinds.v1.KindsService',
  methods: {
    get: method('Get', false, false, 'NO_SIDE_EFFECTS'),
    put: method('Put', false, false, 'IDEMPOTENT'),
    create: method('Create', false, false),
    list: method('List', false, true, 'NO_SIDE_EFFECTS'),
    collect: method('Collect', true, false),
    echo: method('Echo', true, true),
  },
} as const;

/** What `work` fails with. */
export async function failure(work: Promise<unknown>): Promise<RookeryError> {
  try {
    await work;
  } catch (error) {
    return error as RookeryError;
  }
  throw new Error('it did not fail');
}

export async function drain<T>(source: AsyncIterable<T>, into: T[] = []): Promise<T[]> {
  for await (const item of source) into.push(item);
  return into;
}

/** Runs `work` as if a call with this context were being served. */
export function serving<T>(context: Partial<CallContext>, work: () => T): T {
  return runWithContext({ requestId: 'r-1', signal: new AbortController().signal, ...context }, work);
}
