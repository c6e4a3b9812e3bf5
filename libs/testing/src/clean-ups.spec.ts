import { expect, it } from 'vitest';
import { CleanUps } from './clean-ups.js';

function cleanUps(...failing: string[]) {
  const steps = new CleanUps();
  const done: string[] = [];
  for (const name of ['database', 'fake', 'service']) {
    steps.add(async () => {
      done.push(name);
      if (failing.includes(name)) throw new Error(name);
    });
  }
  return { steps, done };
}

it('undoes the last thing first, and once', async () => {
  const { steps, done } = cleanUps();
  await steps.run();
  await steps.run();
  expect(done).toEqual(['service', 'fake', 'database']);
});

it('goes on after a step that fails, and fails with what it failed with', async () => {
  const one = cleanUps('service');
  await expect(one.steps.run()).rejects.toThrow(new Error('service'));
  expect(one.done).toEqual(['service', 'fake', 'database']);
  const several = cleanUps('service', 'database');
  await expect(several.steps.run()).rejects.toMatchObject({ errors: [new Error('service'), new Error('database')] });
});
