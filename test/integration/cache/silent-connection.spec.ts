import { type AddressInfo, type Server, type Socket, connect, createServer } from 'node:net';
import { afterEach, expect, inject, it } from 'vitest';
import { Replica, newService } from './cache.fixture.js';

/** For what takes as long as a connection may be silent. */
const PATIENT = { timeout: 20_000 };

/** Before Redis; a connection through it may fall silent for ever and stay open, as when a host vanishes. */
class Proxy {
  /** The sockets of each connection that was made. */
  readonly connections: Socket[][] = [];
  private readonly server: Server;

  /** @param silent how many connections hear nothing from the beginning */
  constructor(silent = 0) {
    const { hostname, port } = new URL(inject('redisUrl'));
    this.server = createServer((client) => {
      const ends = [client];
      this.connections.push(ends);
      if (this.connections.length > silent) {
        const upstream = connect(Number(port), hostname);
        ends.push(upstream);
        client.pipe(upstream).pipe(client);
      }
      for (const end of ends) end.on('error', () => end.destroy());
    });
  }

  async open(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return `redis://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  silence(connection: number): void {
    for (const end of this.connections[connection]!) end.unpipe().pause();
  }

  async close(): Promise<void> {
    for (const end of this.connections.flat()) end.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

const closing: (() => Promise<unknown>)[] = [];
afterEach(() => Promise.all(closing.splice(0).map((close) => close())));

async function openThrough(proxy: Proxy, up?: boolean): Promise<Replica> {
  const variables = { REDIS_URL: await proxy.open(), CACHE_TIMEOUT: '100ms' };
  const replica = await Replica.open(newService(), variables, up);
  closing.push(async () => {
    await replica.cache.close();
    await proxy.close();
  });
  return replica;
}

it('gives up a connection that is accepted and hears nothing, and makes another', async () => {
  const proxy = new Proxy(1);
  const replica = await openThrough(proxy, false);
  await expect.poll(() => replica.cache.dependency.check().catch(() => ({})), PATIENT).toEqual({ up: true });
  expect(proxy.connections).toHaveLength(2);
});

it('gives up a connection that falls silent for ever, and no other', async () => {
  const [proxy, other] = [new Proxy(), new Proxy()];
  const [replica] = [await openThrough(proxy), await openThrough(other)];
  const get = () => replica.cache.getOrLoad('k', async () => Buffer.from('v'));
  await get();
  proxy.silence(0);
  await get();
  expect(await replica.asks()).toBe(false);
  await expect.poll(() => replica.asks(), PATIENT).toBe(true);
  expect([proxy.connections.length, other.connections.length]).toEqual([2, 1]);
});

it('gives it up also while somebody goes on sending', async () => {
  const proxy = new Proxy();
  const replica = await openThrough(proxy);
  proxy.silence(0);
  const sending = setInterval(() => void (replica.store.getMany(['k']) as Promise<unknown>).catch(() => {}), 100);
  closing.push(async () => clearInterval(sending));
  await replica.cache.getOrLoad('k', async () => Buffer.from('v'));
  await expect.poll(() => proxy.connections.length, PATIENT).toBe(2);
});
