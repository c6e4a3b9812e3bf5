import type { RedisClientType } from '@keyv/redis';
import { callContext, failureName } from '@rookery/context';
import { type CacheStore, SLICE } from './cache-store.js';

/** Blob strings (RESP type `$`, 36) as Buffers: no text is made of them. */
const AS_BUFFERS = { typeMapping: { 36: Buffer } } as const;

const DELETE_IF = `if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('UNLINK', KEYS[1]) end return 0`;

/** KEYS: the entry, then its tags. ARGV: the entry, its life, twice that, then the versions. */
const SET_WHILE = `
for i = 2, #KEYS do if redis.call('GET', KEYS[i]) ~= ARGV[i + 2] then return 0 end end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
for i = 2, #KEYS do redis.call('PEXPIRE', KEYS[i], ARGV[3], 'GT') end
return 1`;

/**
 * A connection that has not answered a PING for so long is closed and made anew: its other end may be gone for ever. (The
 * socket's own timeout ends one that is idle; whoever goes on sending, as users of `CACHE_MANAGER` do, puts that off.)
 */
const DEAD_AFTER = 5_000;

/**
 * A store in Redis 7 or newer. The client sends what one turn of the event loop asks as one pipeline, and Redis handles
 * the commands of a connection in their order; much in this lib counts on it.
 */
export class RedisStore implements CacheStore {
  readonly shared = true;
  private pinging: Promise<unknown> | undefined;

  constructor(private readonly client: RedisClientType) {}

  get connected(): boolean {
    return this.client.isReady;
  }

  getMany(keys: readonly string[]): Promise<(Buffer | null)[]> {
    return this.send(['MGET', ...keys], AS_BUFFERS);
  }

  set(key: string, value: Buffer, ttl: number): Promise<unknown> {
    return this.send(['SET', key, value, 'PX', String(ttl)]);
  }

  async add(key: string, value: Buffer, ttl: number): Promise<boolean> {
    return (await this.send(['SET', key, value, 'PX', String(ttl), 'NX'])) !== null;
  }

  async setWhile(keys: readonly string[], versions: readonly Buffer[], value: Buffer, ttl: number): Promise<boolean> {
    const command = ['EVAL', SET_WHILE, String(keys.length), ...keys, value, String(ttl), String(2 * ttl), ...versions];
    return (await this.send<number>(command)) === 1;
  }

  delete(keys: readonly string[]): Promise<unknown> {
    return this.send(['UNLINK', ...keys]);
  }

  async deleteSome(prefix: string, position: string): Promise<string> {
    const pattern = `${prefix.replace(/[*?^[\]\\]/g, '\\$&')}*`;
    const command = ['SCAN', position, 'MATCH', pattern, 'COUNT', String(SLICE)];
    const [next, keys] = await this.send<[string, string[]]>(command);
    if (keys.length > 0) await this.delete(keys);
    return next;
  }

  async deleteIf(key: string, value: Buffer): Promise<boolean> {
    return (await this.send<number>(['EVAL', DELETE_IF, '1', key, value])) === 1;
  }

  async ping(): Promise<void> {
    if (!this.pinging) {
      const hopeless = setTimeout(() => this.reconnect(), DEAD_AFTER).unref();
      this.pinging = this.client.sendCommand(['PING']).finally(() => {
        clearTimeout(hopeless);
        this.pinging = undefined;
      });
    }
    // PINGs are not piled up for a Redis that does not answer.
    await this.pinging;
  }

  async close(): Promise<void> {
    if (this.client.isOpen) this.client.destroy();
  }

  /** Sends a command of a call, whose trace shows it. */
  private send<T>(command: (string | Buffer)[], options?: typeof AS_BUFFERS): Promise<T> {
    const call = callContext()?.span;
    if (!call) return this.client.sendCommand<T>(command, options);
    const operation = command[0] as string;
    const span = call.child(operation, 'client', { 'db.system.name': 'redis', 'db.operation.name': operation });
    const answer = this.client.sendCommand<T>(command, options);
    answer.then(
      () => span.end(),
      (error: unknown) => span.end({ failure: failureName(error), error }),
    );
    return answer;
  }

  private reconnect(): void {
    if (!this.client.isReady) return;
    this.client.destroy();
    void this.client.connect().catch(() => undefined);
  }
}
