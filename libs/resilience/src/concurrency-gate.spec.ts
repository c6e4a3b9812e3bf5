import { expect, it } from 'vitest';
import { ConcurrencyGate } from './concurrency-gate.js';

function piece() {
  let finish = () => {};
  const done = new Promise<void>((resolve) => (finish = resolve));
  return { finish, work: (started: string[], name: string) => () => (started.push(name), done.then(() => name)) };
}

it('runs so many at once, the others in order as room is made', async () => {
  const gate = new ConcurrencyGate(2);
  const started: string[] = [];
  const pieces = ['a', 'b', 'c', 'd'].map((name) => ({ name, ...piece() }));
  const results = pieces.map(({ name, work }) => gate.run(work(started, name)));
  expect([started, gate.waiting, gate.full]).toEqual([['a', 'b'], 2, true]);
  pieces[1]!.finish();
  expect(await results[1]).toBe('b');
  expect([started, gate.waiting]).toEqual([['a', 'b', 'c'], 1]);
  for (const { finish } of pieces) finish();
  expect(await Promise.all(results)).toEqual(['a', 'b', 'c', 'd']);
  expect(gate.full).toBe(false);
});

it('makes room when work fails', async () => {
  const gate = new ConcurrencyGate(1);
  await expect(gate.run(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(await gate.run(async () => 'next')).toBe('next');
});

it('lets whoever waits leave, and never runs their work', async () => {
  const gate = new ConcurrencyGate(1);
  const started: string[] = [];
  const [first, second, third] = [piece(), piece(), piece()];
  const running = gate.run(first.work(started, 'first'));
  const leaving = new AbortController();
  const left = gate.run(second.work(started, 'second'), leaving.signal);
  const staying = gate.run(third.work(started, 'third'), new AbortController().signal);
  leaving.abort(new Error('the deadline has passed'));
  await expect(left).rejects.toThrow('the deadline has passed');
  expect(gate.waiting).toBe(1);
  first.finish();
  third.finish();
  expect([await running, await staying, started]).toEqual(['first', 'third', ['first', 'third']]);
});
