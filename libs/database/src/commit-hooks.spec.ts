import { expect, it } from 'vitest';
import { CommitHooks } from './commit-hooks.js';

it('forgets the hooks of savepoints that were rolled back, and of those in them', () => {
  const hooks = new CommitHooks();
  const [kept, also, gone, deeper] = [() => 1, () => 2, () => 3, () => 4] as const;
  hooks.add(kept);
  hooks.openSavepoint();
  hooks.add(also);
  hooks.closeSavepoint(true);
  hooks.openSavepoint();
  hooks.add(gone);
  hooks.openSavepoint();
  hooks.add(deeper);
  hooks.closeSavepoint(true);
  hooks.closeSavepoint(false);
  expect(hooks.all()).toEqual([kept, also]);
});
