import { Cancelled, NotFound } from '@rookery/errors';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { drain, failure } from './kinds.fixture.js';
import { type ServedKinds, serveKinds, settled } from './served-kinds.fixture.js';

let kinds: ServedKinds;
beforeAll(async () => (kinds = await serveKinds()));
afterEach(() => kinds.forget());
afterAll(() => kinds.close());

describe('a source of requests', () => {
  it.each(['collect', 'echo'] as const)('that throws fails %s with that very error and cancels it', async (kind) => {
    const defect = new Error('the source is broken');
    async function* broken() {
      yield { id: 'a' };
      throw defect;
    }
    const result = kinds.methods[kind](broken());
    expect(await failure(result instanceof Promise ? result : drain(result))).toBe(defect);
  });

  it.each(['collect', 'echo'] as const)('is told to stop when its request cannot be encoded (%s)', async (kind) => {
    let stopped = false;
    async function* wrong() {
      try {
        yield { id: 'a' };
        yield null as never;
      } finally {
        stopped = true;
      }
    }
    const result = kinds.methods[kind](wrong());
    expect(await failure(result instanceof Promise ? result : drain(result))).toBeInstanceOf(TypeError);
    expect(stopped).toBe(true);
  });

  it.each(['collect', 'echo'] as const)('is told to stop when %s ends before it', async (kind) => {
    let stopped = false;
    async function* endless() {
      try {
        for (;;) yield { id: 'refused' };
      } finally {
        stopped = true;
      }
    }
    const result = kinds.methods[kind](endless());
    expect(await failure(result instanceof Promise ? result : drain(result))).toBeInstanceOf(NotFound);
    await expect.poll(() => stopped).toBe(true);
  });

  it('may be left by the service, which has heard enough', async () => {
    let asked = 0;
    async function* endless() {
      for (;;) yield { id: asked++ === 0 ? 'enough' : 'more' };
    }
    expect((await kinds.methods.collect(endless())).id).toBe('enough');
  });

  it.each(['collect', 'echo'] as const)('is paused by a slow server (%s)', async (kind) => {
    let asked = 0;
    async function* endless() {
      for (;;) {
        asked += 1;
        yield { id: `slow${'x'.repeat(10_000)}` };
      }
    }
    const controller = new AbortController();
    const result = kinds.methods[kind](endless(), { signal: controller.signal });
    const end = failure(result instanceof Promise ? result : drain(result));
    // 256 KiB that the channel may keep for another attempt, and the windows and buffers of both sides.
    expect(await settled(() => asked)).toBeLessThan(100);
    expect(asked).toBeGreaterThan(1);
    controller.abort();
    expect(await end).toBeInstanceOf(Cancelled);
  });
});
