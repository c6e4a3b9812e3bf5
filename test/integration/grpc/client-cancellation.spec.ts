import { getEventListeners } from 'node:events';
import { Cancelled, Unavailable } from '@rookery/errors';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { drain, failure, serving } from './kinds.fixture.js';
import { type ServedKinds, serveKinds } from './served-kinds.fixture.js';

let kinds: ServedKinds;
beforeAll(async () => (kinds = await serveKinds()));
afterEach(() => kinds.forget());
afterAll(() => kinds.close());

describe('a signal', () => {
  it('cancels the call, and its reason is the cause', async () => {
    const controller = new AbortController();
    const work = failure(kinds.methods.get({ id: 'hangs' }, { signal: controller.signal }));
    const reason = new Error('enough');
    controller.abort(reason);
    const error = await work;
    expect(error).toBeInstanceOf(Cancelled);
    expect(error.cause).toBe(reason);
  });

  it('that has aborted before sends nothing', async () => {
    const signal = AbortSignal.abort();
    expect(await failure(kinds.methods.collect([{ id: 'a' }], { signal }))).toBeInstanceOf(Cancelled);
    expect(await failure(drain(kinds.methods.list({}, { signal })))).toBeInstanceOf(Cancelled);
    expect(kinds.seen).toEqual({ produced: 0, received: 0, begun: 0, aborted: 0 });
  });

  it('of the call being served ends its calls with the reason why that one ends, beside a signal of their own', async () => {
    const controller = new AbortController();
    const reason = new Unavailable('shutting down', { reason: 'SHUTTING_DOWN' });
    const work = serving({ signal: controller.signal }, () =>
      failure(kinds.methods.get({ id: 'hangs' }, { signal: new AbortController().signal })),
    );
    controller.abort(reason);
    expect(await work).toBe(reason);
  });

  it('shared by 1000 calls at once and one after the other keeps no listener', async () => {
    const { signal } = new AbortController();
    const warnings: Error[] = [];
    const note = (warning: Error) => warnings.push(warning);
    process.on('warning', note);
    const calls = Array.from({ length: 1_000 }, (_, n) => kinds.methods.get({ id: String(n) }, { signal }));
    expect(getEventListeners(signal, 'abort').length).toBe(1);
    expect(await Promise.all(calls)).toHaveLength(1_000);
    for (let n = 0; n < 100; n += 1) {
      await kinds.methods.get({}, { signal });
      await drain(kinds.methods.list({}, { signal }));
      for await (const _ of kinds.methods.list({ id: 'hangs' }, { signal })) break;
      await failure(kinds.methods.collect([{ id: 'refused' }], { signal }));
    }
    await expect.poll(() => getEventListeners(signal, 'abort').length).toBe(0);
    process.off('warning', note);
    expect(warnings).toEqual([]);
  });
});
