import { expect, it } from 'vitest';
import { openCache, sharedStore } from './shared-store.fixture.js';

it('counts what is loaded beside an invalidation that is on its way as that, for the store has not failed', async () => {
  const store = sharedStore();
  const { cache, get, requests } = openCache(store);
  expect(await get('old')).toBe('old');
  let arrive = () => {};
  const remove = store.delete.bind(store);
  store.delete = async (keys) => {
    await new Promise<void>((resolve) => (arrive = resolve));
    await remove(keys);
    return keys.length;
  };
  const invalidated = cache.invalidate(['t']);
  expect(await get('new')).toBe('new');
  expect(await requests()).toEqual({ miss: 1, invalidating: 1 });
  arrive();
  await invalidated;
  expect([await get('newer'), await get('newest')]).toEqual(['newer', 'newer']);
  expect(await requests()).toEqual({ miss: 2, invalidating: 1, hit: 1 });
});

it.each([undefined, 7])('rejects a tag that is none, %s, and invalidates the others', async (wrong) => {
  const { cache, get } = openCache(sharedStore());
  await get('old');
  const invalidated = cache.invalidate([wrong as unknown as string, 't']);
  await expect(invalidated).rejects.toThrow(new TypeError(`a tag is a string, not ${wrong}`));
  expect(await get('new')).toBe('new');
  const options = { tags: [wrong as unknown as string] };
  await expect(cache.getOrLoad('k', async () => Buffer.from('v'), options)).rejects.toThrow('a tag is a string');
});
