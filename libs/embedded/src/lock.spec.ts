import { mkdtemp, readdir, readlink, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withLock } from './lock.js';

describe('withLock', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lock-spec-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('lets one in at a time, and leaves one entry behind', async () => {
    let inside = 0;
    let most = 0;
    const visit = async () => {
      most = Math.max(most, ++inside);
      await setImmediate();
      inside--;
    };
    await Promise.all(Array.from({ length: 12 }, () => withLock(folder, visit)));
    expect(most).toBe(1);
    const [entry, ...more] = await readdir(folder);
    expect(more).toEqual([]);
    expect(await readlink(join(folder, entry!))).toBe('free');
  });

  it('is freed by an error of the work', async () => {
    await expect(withLock(folder, () => Promise.reject(new Error('boom')))).rejects.toThrow('boom');
    expect(await withLock(folder, async () => 'entered')).toBe('entered');
  });

  it('takes over from a holder that died, even when its pid lives on as another process', async () => {
    await symlink(`${process.pid} of-an-earlier-process x`, join(folder, '7'));
    let most = 0;
    let inside = 0;
    const visit = async () => {
      most = Math.max(most, ++inside);
      await setImmediate();
      inside--;
    };
    await Promise.all(Array.from({ length: 5 }, () => withLock(folder, visit)));
    expect(most).toBe(1);
  });

  it('survives that the folder is removed while it is held', async () => {
    await withLock(folder, () => rm(folder, { recursive: true }));
    expect(await withLock(folder, async () => 'entered')).toBe('entered');
  });
});
