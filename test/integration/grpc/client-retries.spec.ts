import { Code, FailedPrecondition, ResourceExhausted, RookeryError, Unavailable } from '@rookery/errors';
import { type GrpcClient, type MethodsOptions, createGrpcClient } from '@rookery/grpc';
import { type FakeCall, type ServedFake, fake, serveFake } from '@rookery/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KindsDefinition, drain, failure } from './kinds.fixture.js';

type Client = GrpcClient<typeof KindsDefinition>;

/** The `grpc-previous-rpc-attempts` of each call that reached the service. */
let attempts: (string | undefined)[];
/** What the service does with its n-th call. */
let script: (attempt: number, call: FakeCall) => void | Promise<void>;
/** What a stream does after its first reply. */
let afterReply: () => void;
let served: ServedFake;
const clients: Client[] = [];

function client(options: MethodsOptions<typeof KindsDefinition> = {}): Client['methods'] {
  const made = createGrpcClient(KindsDefinition, { target: served.target, timeout: '10s', ...options });
  clients.push(made);
  return made.methods;
}

const failing = (times: number, error: RookeryError) => (attempt: number) => {
  if (attempt <= times) throw error;
};
const down = new Unavailable('not now');

beforeEach(async () => {
  attempts = [];
  afterReply = () => undefined;
  const attempt = async (call: FakeCall) => {
    attempts.push(call.metadata.get('grpc-previous-rpc-attempts')[0] as string | undefined);
    await script(attempts.length, call);
  };
  const reply = async (_: unknown, call: FakeCall) => {
    await attempt(call);
    return { id: String(attempts.length) };
  };
  served = await serveFake(
    fake(KindsDefinition, {
      get: reply,
      put: reply,
      create: reply,
      collect: reply,
      list: async function* (_, call) {
        await attempt(call);
        yield { id: String(attempts.length) };
        afterReply();
      },
    }),
  );
});
afterEach(() => {
  for (const { close } of clients.splice(0)) close();
  served.close();
});

describe('a method that the proto calls idempotent', () => {
  it.each(['get', 'put'] as const)('is tried again when the service is unavailable (%s)', async (name) => {
    script = failing(2, down);
    expect((await client()[name]({})).id).toBe('3');
    expect(attempts).toEqual([undefined, '1', '2']);
  });

  it('is tried again as a stream, too, until the first reply', async () => {
    script = failing(1, down);
    expect((await drain(client().list({}))).map(({ id }) => id)).toEqual(['2']);
    afterReply = () => {
      throw down;
    };
    expect(await failure(drain(client().list({})))).toBeInstanceOf(Unavailable);
    expect(attempts).toHaveLength(3);
  });

  it('gives up after four attempts, with the error of the last one', async () => {
    script = (attempt) => {
      throw new Unavailable(`attempt ${attempt}`);
    };
    expect((await failure(client().get({}))).message).toBe('attempt 4');
  });

  it.each([new ResourceExhausted('quota', { retryAfter: 1 }), new FailedPrecondition('no')])(
    'is not tried again after %s',
    async (error) => {
      script = failing(1, error);
      expect((await failure(client().get({}))).code).toBe(error.code);
      expect(attempts).toHaveLength(1);
    },
  );

  it('is not tried again when the options say so', async () => {
    script = failing(1, down);
    expect(await failure(client({ retry: false }).get({}))).toBeInstanceOf(Unavailable);
    attempts.length = 0;
    expect(await failure(client({ methods: { get: { retry: false } } }).get({}))).toBeInstanceOf(Unavailable);
    expect(attempts).toHaveLength(1);
  });

  it('takes the policy of the options', async () => {
    script = failing(1, new ResourceExhausted('quota'));
    const retry = { attempts: 2, codes: ['RESOURCE_EXHAUSTED'] } as const;
    expect((await client({ methods: { get: { retry } } }).get({})).id).toBe('2');
  });
});

describe('any other method', () => {
  it('is sent once', async () => {
    script = failing(1, down);
    expect(await failure(client().create({}))).toBeInstanceOf(Unavailable);
    attempts.length = 0;
    expect(await failure(client().collect([{}]))).toBeInstanceOf(Unavailable);
    expect(attempts).toHaveLength(1);
  });

  it('is tried again when the options say that its requests may arrive twice', async () => {
    script = failing(1, down);
    expect((await client({ methods: { create: { retry: {} } } }).create({})).id).toBe('2');
  });
});

describe('all attempts', () => {
  it('share one deadline', async () => {
    script = failing(9, down);
    const retry = { initialBackoff: '10s', maxBackoff: '10s' };
    const startedAt = performance.now();
    const error = await failure(client({ retry }).get({}, { timeout: '200ms' }));
    expect(error.code).toBe(Code.DEADLINE_EXCEEDED);
    expect(performance.now() - startedAt).toBeLessThan(2_000);
    expect(attempts).toHaveLength(1);
  });

  it('end with the signal', async () => {
    const controller = new AbortController();
    script = () => {
      setImmediate(() => controller.abort());
      throw down;
    };
    const retry = { initialBackoff: '10s', maxBackoff: '10s' };
    expect((await failure(client({ retry }).get({}, { signal: controller.signal }))).code).toBe(Code.CANCELLED);
    expect(attempts).toHaveLength(1);
  });

  it('have a budget: a service that is down gets at most half as many calls more', async () => {
    script = failing(Number.POSITIVE_INFINITY, down);
    const { get } = client({ retry: { initialBackoff: '1ms', maxBackoff: '1ms' } });
    for (let call = 0; call < 100; call += 1) await failure(get({}));
    // 50 failed attempts use the budget up; without one there were 400.
    expect(attempts.length).toBeGreaterThan(130);
    expect(attempts.length).toBeLessThan(150);
  });
});

describe('hedging', () => {
  const hedge = { delay: '20ms' };

  it('sends the request again to get the faster answer, and cancels the slower one', async () => {
    const cancelled = new Promise<void>((resolve) => {
      script = async (attempt, { signal }) => {
        if (attempt > 1) return;
        await new Promise<void>((done) => signal.addEventListener('abort', () => done()));
        resolve();
      };
    });
    expect((await client({ methods: { get: { hedge } } }).get({})).id).toBe('2');
    await cancelled;
  });

  it('is refused where a second request could do harm, or cannot be made', () => {
    expect(() => client({ methods: { put: { hedge } } })).toThrow(
      new TypeError(
        'kinds.v1.KindsService/Put cannot be hedged: its idempotency_level is IDEMPOTENT, hedging takes NO_SIDE_EFFECTS',
      ),
    );
    expect(() => client({ methods: { create: { hedge } } })).toThrow('idempotency_level is IDEMPOTENCY_UNKNOWN');
    expect(() => client({ methods: { get: { hedge, retry: {} } } })).toThrow('both retry and hedge');
  });
});
