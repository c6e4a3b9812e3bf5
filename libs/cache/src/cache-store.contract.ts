import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CacheStore } from './cache-store.js';

const bytes = (text: string) => Buffer.from(text);
const LONG = 60_000;

/** What every driver of `CacheStore` promises. */
export function cacheStoreContract(driver: string, open: () => Promise<CacheStore>): void {
  describe(`the store ${driver}`, () => {
    let store: CacheStore;
    let key: string;

    beforeEach(async () => {
      store = await open();
      key = randomUUID();
    });
    afterEach(() => store.close());

    const get = async (name = key) => (await store.getMany([name]))[0]?.toString() ?? null;

    it('gives many values at once, in the order of their keys, null where there is none', async () => {
      await store.set(`${key}1`, bytes('one'), LONG);
      await store.set(`${key}2`, bytes('two'), LONG);
      const values = await store.getMany([`${key}2`, `${key}0`, `${key}1`]);
      expect(values.map((value) => value?.toString())).toEqual(['two', undefined, 'one']);
    });

    it('keeps bytes as they are', async () => {
      const value = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
      await store.set(key, value, LONG);
      const [kept] = await store.getMany([key]);
      expect(Buffer.compare(kept!, value)).toBe(0);
      await store.set(key, Buffer.alloc(0), LONG);
      expect(await get()).toBe('');
    });

    it('replaces', async () => {
      await store.set(key, bytes('old'), LONG);
      await store.set(key, bytes('new'), LONG);
      expect(await get()).toBe('new');
    });

    it('forgets a value when its time is over', async () => {
      await store.set(key, bytes('short'), 20);
      await store.set(`${key}2`, bytes('long'), LONG);
      await expect.poll(() => get()).toBeNull();
      expect(await get(`${key}2`)).toBe('long');
      expect(await store.add(key, bytes('again'), LONG)).toBe(true);
    });

    it('adds what is not there, once', async () => {
      const added = await Promise.all(['a', 'b', 'c'].map((text) => store.add(key, bytes(text), LONG)));
      expect(added).toEqual([true, false, false]);
      expect(await get()).toBe('a');
    });

    it('sets a value while versions hold, and lets those live as long', async () => {
      const keys = [key, `${key}1`, `${key}2`];
      const versions = [bytes('v1'), bytes('v2')];
      await store.set(keys[1]!, versions[0]!, 40);
      await store.set(keys[2]!, versions[1]!, LONG);
      await store.set(`${key}3`, bytes('clock'), 60);
      expect(await store.setWhile(keys, versions, bytes('first'), LONG)).toBe(true);
      expect(await store.setWhile([key], [], bytes('second'), LONG)).toBe(true);
      expect(await store.setWhile(keys, versions.toReversed(), bytes('third'), LONG)).toBe(false);
      await expect.poll(() => get(`${key}3`)).toBeNull();
      expect([await get(), await get(keys[1])]).toEqual(['second', 'v1']);
      await store.delete([keys[1]!]);
      expect(await store.setWhile(keys, versions, bytes('fourth'), LONG)).toBe(false);
      expect([await get(), await get(keys[1])]).toEqual(['second', null]);
    });

    it('never lets versions end sooner', async () => {
      await store.set(`${key}1`, bytes('v'), LONG);
      expect(await store.setWhile([key, `${key}1`], [bytes('v')], bytes('short'), 10)).toBe(true);
      await store.set(`${key}2`, bytes('clock'), 40);
      await expect.poll(() => get(`${key}2`)).toBeNull();
      expect([await get(), await get(`${key}1`)]).toEqual([null, 'v']);
    });

    it('deletes, many at once', async () => {
      for (const name of ['1', '2', '3']) await store.set(key + name, bytes(name), LONG);
      await store.delete([`${key}1`, `${key}3`, `${key}4`]);
      expect([await get(`${key}1`), await get(`${key}2`), await get(`${key}3`)]).toEqual([null, '2', null]);
    });

    it('deletes what begins with a prefix', async () => {
      const names = Array.from({ length: 50 }, (_, index) => `${key}:t[1]*:${index}`);
      for (const name of [...names, `${key}:t1:0`]) await store.set(name, bytes('v'), LONG);
      let position = '0';
      do position = await store.deleteSome(`${key}:t[1]*:`, position);
      while (position !== '0');
      expect((await store.getMany(names)).filter(Boolean)).toEqual([]);
      expect(await get(`${key}:t1:0`)).toBe('v');
    });

    it('deletes a value only if it is the one that is meant', async () => {
      await store.set(key, bytes('mine'), LONG);
      expect(await store.deleteIf(key, bytes('yours'))).toBe(false);
      expect(await get()).toBe('mine');
      expect(await store.deleteIf(key, bytes('mine'))).toBe(true);
      expect(await store.deleteIf(key, bytes('mine'))).toBe(false);
      expect(await get()).toBeNull();
    });

    it('answers in the order of the questions', async () => {
      const [, first, , second] = await Promise.all([
        store.set(key, bytes('1'), LONG),
        store.getMany([key]),
        store.set(key, bytes('2'), LONG),
        store.getMany([key]),
      ]);
      expect([String(first[0]), String(second[0])]).toEqual(['1', '2']);
    });

    it('says that it works', async () => {
      await expect(store.ping()).resolves.toBeUndefined();
      expect(store.connected).toBe(true);
    });
  });
}
