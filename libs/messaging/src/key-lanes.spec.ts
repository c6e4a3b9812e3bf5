import { expect, it } from 'vitest';
import { KeyLanes } from './key-lanes.js';

function held() {
  let open = () => {};
  const promise = new Promise<void>((resolve) => (open = resolve));
  return { promise, open: () => open() };
}

it('runs one key in turn, whatever becomes of the one before, and others meanwhile', async () => {
  const lanes = new KeyLanes();
  const gate = held();
  const order: string[] = [];
  const note = (what: string, after?: Promise<void>) => async () => {
    await after;
    order.push(what);
    if (what === 'a1') throw new Error('failed');
  };
  const first = lanes.run('a', note('a1', gate.promise));
  const second = lanes.run('a', note('a2'));
  await Promise.all([lanes.run('b', note('b1')), lanes.run(undefined, note('none'))]);
  expect(order).toEqual(['b1', 'none']);
  gate.open();
  await expect(first).rejects.toThrow('failed');
  await second;
  expect(order).toEqual(['b1', 'none', 'a1', 'a2']);
});

it('remembers no key that has nothing to do', async () => {
  const lanes = new KeyLanes();
  await Promise.all(['a', 'b', 'a'].map((key) => lanes.run(key, async () => undefined)));
  expect(lanes['ends'].size).toBe(0);
});
