/** The cache took longer than a call waits for it. */
export class CacheTimeout extends Error {
  override readonly name = 'CacheTimeout';

  constructor(timeout: number) {
    super(`the cache did not answer within ${timeout} ms`);
  }
}
