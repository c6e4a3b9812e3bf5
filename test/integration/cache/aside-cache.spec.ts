import { NotFoundException } from '@nestjs/common';
import { type MessageCodec } from '@rookery/contracts';
import { User } from '@rookery/contracts/user/v1';
import { NotFound } from '@rookery/errors';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { FORMAT_NAME } from '../../../libs/cache/src/entry.js';
import { Replica, admin, bytes, newService } from './cache.fixture.js';

describe.each([
  { driver: 'in memory', url: () => undefined },
  { driver: 'on Redis', url: () => inject('redisUrl') },
])('cache-aside $driver', ({ url }) => {
  let service: string;
  let replica: Replica;
  const open = async () => {
    replica = await Replica.open(service, { REDIS_URL: url() });
    return replica.cache;
  };

  beforeEach(() => (service = newService()));
  afterEach(() => replica.cache.close());

  it('loads once and then answers from the cache', async () => {
    const cache = await open();
    let loads = 0;
    const get = () => cache.getOrLoad('k', async () => bytes(`v${++loads}`));
    expect(String(await get())).toBe('v1');
    expect(String(await get())).toBe('v1');
    expect(await replica.metric('cache_requests_total')).toEqual({ miss: 1, hit: 1 });
  });

  it('loads once however many wait', async () => {
    const cache = await open();
    let loads = 0;
    const get = () => cache.getOrLoad('k', async () => bytes(`v${++loads}`));
    const all = await Promise.all(Array.from({ length: 100 }, get));
    expect(new Set(all.map(String))).toEqual(new Set(['v1']));
    expect(await replica.metric('cache_requests_total')).toMatchObject({ miss: 1, wait: 99 });
  });

  it('remembers that something does not exist, with the reason', async () => {
    const cache = await open();
    let loads = 0;
    const get = () =>
      cache.getOrLoad('k', async () => {
        loads += 1;
        throw new NotFound('no k', { reason: 'K_NOT_FOUND' });
      });
    await expect(get()).rejects.toMatchObject({ constructor: NotFound, reason: 'K_NOT_FOUND' });
    await expect(get()).rejects.toMatchObject({ constructor: NotFound, reason: 'K_NOT_FOUND', message: 'no k' });
    expect(loads).toBe(1);
  });

  it('does not remember any other failure', async () => {
    const cache = await open();
    await expect(cache.getOrLoad('k', () => Promise.reject(new Error('once')))).rejects.toThrow('once');
    expect(String(await cache.getOrLoad('k', async () => bytes('v')))).toBe('v');
  });

  it('forgets what is invalidated, everything else stays', async () => {
    const cache = await open();
    const get = (key: string, value: string) =>
      cache.getOrLoad(key, async () => bytes(value), { tags: [`tag:${key}`] });
    await get('a', 'a1');
    await get('b', 'b1');
    await cache.invalidate(['tag:a']);
    expect(String(await get('a', 'a2'))).toBe('a2');
    expect(String(await get('b', 'b2'))).toBe('b1');
  });

  it('never serves a value whose load began before the invalidation, however late it is stored', async () => {
    const cache = await open();
    const options = { tags: ['t'] };
    let finish = (_value: Uint8Array) => {};
    const loading = new Promise<void>((started) => {
      void cache.getOrLoad('k', () => new Promise((resolve) => ((finish = resolve), started())), options);
    });
    await loading;
    await cache.invalidate(['t']);
    finish(bytes('stale'));
    expect(String(await cache.getOrLoad('k', async () => bytes('new'), options))).toBe('new');
    expect(String(await cache.getOrLoad('k', async () => bytes('newer'), options))).toBe('new');
  });

  it.each([
    ['garbage', bytes('garbage')],
    ['nothing', Buffer.alloc(0)],
    ['what is too short', Buffer.from([0xc2, 0x52, 0, 0])],
  ])('drops %s and loads again', async (_what, garbage) => {
    const cache = await open();
    await replica.store.set(`${service}:entry:${FORMAT_NAME}:k`, garbage, 60_000);
    expect(String(await cache.getOrLoad('k', async () => bytes('v')))).toBe('v');
    expect(String(await cache.getOrLoad('k', async () => bytes('w')))).toBe('v');
  });

  it('believes no entry whose tags have lost their versions, as eviction may do', async () => {
    const cache = await open();
    const get = (value: string) => cache.getOrLoad('k', async () => bytes(value), { tags: ['t'] });
    await get('old');
    await replica.store.delete([`${service}:tag:t`]);
    expect(String(await get('new'))).toBe('new');
    expect(String(await get('newer'))).toBe('new');
  });

  it('takes and gives messages, of its own to each caller', async () => {
    const cache = await open();
    let loads = 0;
    const get = () =>
      cache.getOrLoad('k', () => User.fromPartial({ id: '1', name: `v${++loads}`, createTime: new Date(5) }), {
        codec: User,
      });
    const [first, again] = await Promise.all([get(), get()]);
    expect([first, again, await get()]).toEqual(Array(3).fill(first));
    expect([first.name, first.createTime]).toEqual(['v1', new Date(5)]);
    first.name = 'changed';
    expect([again.name, (await get()).name]).toEqual(['v1', 'v1']);
  });

  it('reads no message with another schema than it was written with', async () => {
    const cache = await open();
    const withSchema = ($fingerprint: string): MessageCodec<User> => ({ ...User, $fingerprint });
    const get = (codec: MessageCodec<User>, name: string) =>
      cache.getOrLoad('k', () => User.fromPartial({ name }), { codec, tags: ['t'] }).then((user) => user.name);
    const [before, after] = [withSchema('before'), withSchema('after')];
    expect([await get(before, 'old'), await get(after, 'new')]).toEqual(['old', 'new']);
    expect([await get(before, 'x'), await get(after, 'x')]).toEqual(['old', 'new']);
    // Both replicas of a rollout hear of a change.
    await cache.invalidate(['t']);
    expect([await get(before, 'old 2'), await get(after, 'new 2')]).toEqual(['old 2', 'new 2']);
  });

  it('drops a message that cannot be decoded and loads again', async () => {
    const cache = await open();
    const decode = (encoded: Uint8Array) => {
      if (encoded[0] === 0xff) throw new Error('no message');
      return User.decode(encoded);
    };
    const broken: MessageCodec<User> = { ...User, encode: () => ({ finish: () => Buffer.from([0xff]) }), decode };
    await expect(cache.getOrLoad('k', () => User.fromPartial({}), { codec: broken })).rejects.toThrow('no message');
    const name = (value: string) =>
      cache.getOrLoad('k', () => User.fromPartial({ name: value }), { codec: { ...User, decode } });
    expect([(await name('v')).name, (await name('w')).name]).toEqual(['v', 'v']);
  });

  it.each([
    ['a misspelt ttl', { ttl: '5 minuts' }],
    ['a negative ttl', { ttl: '-1s' }],
    ['a ttl that is no number', { ttl: Number.NaN }],
    ['a misspelt staleFor', { staleFor: 'one minute' }],
    ['256 tags', { tags: Array.from({ length: 256 }, (_, tag) => `t${tag}`) }],
  ])('refuses what would switch it off: %s', async (_what, options) => {
    const cache = await open();
    let loads = 0;
    const load = async () => bytes(`v${++loads}`);
    await expect(cache.getOrLoad('k', load, options)).rejects.toThrow(
      /^(ttl|staleFor) is a duration .*not '.+'$|^an entry has 255 tags at most, not 256$/,
    );
    expect(loads).toBe(0);
  });

  it('takes as many tags as an entry has room for', async () => {
    const cache = await open();
    const tags = Array.from({ length: 255 }, (_, tag) => `t${tag}`);
    const get = (value: string) => cache.getOrLoad('k', async () => bytes(value), { tags });
    expect([String(await get('v')), String(await get('w'))]).toEqual(['v', 'v']);
    await cache.invalidate(['t254']);
    expect(String(await get('x'))).toBe('x');
  });

  it('remembers it too when Nest’s exception says that something does not exist', async () => {
    const cache = await open();
    let loads = 0;
    const get = () =>
      cache.getOrLoad('k', async () => {
        loads += 1;
        throw new NotFoundException('no k');
      });
    await expect(get()).rejects.toThrow('no k');
    await expect(get()).rejects.toMatchObject({ constructor: NotFound, message: 'no k' });
    expect(loads).toBe(1);
  });

  it('stores under the hash of names that are long', async () => {
    const cache = await open();
    const long = 'x'.repeat(10_000);
    const get = (value: string) => cache.getOrLoad(long, async () => bytes(value), { tags: [long] });
    expect([String(await get('v')), String(await get('w'))]).toEqual(['v', 'v']);
    expect(await replica.store.getMany([`${service}:entry:${FORMAT_NAME}:${long}`, `${service}:tag:${long}`])).toEqual([
      null,
      null,
    ]);
    await cache.invalidate([long]);
    expect(String(await get('new'))).toBe('new');
  });
});

it('drops what was damaged on its way or in Redis, whichever byte, and loads again', async () => {
  const service = newService();
  const replica = await Replica.open(service);
  const get = (value: string) =>
    replica.cache.getOrLoad('k', async () => bytes(value), { tags: ['t'], ttl: '1m', staleFor: '1m' }).then(String);
  await get('value');
  const key = `${service}:entry:${FORMAT_NAME}:k`;
  const [entry] = await replica.store.getMany([key]);
  for (let at = 0; at < entry!.length; at += 1) {
    const damaged = Buffer.from(entry!);
    damaged[at]! ^= 1;
    await replica.store.set(key, damaged, 60_000);
    expect([at, await get('again')]).toEqual([at, 'again']);
  }
  await replica.store.set(key, entry!, 60_000);
  expect(await get('never')).toBe('value');
  await replica.cache.close();
});

it('invalidates in every replica as soon as Redis takes it again', async () => {
  const service = newService();
  const operator = await admin();
  const acl = (...rules: string[]) => operator.send('ACL', 'SETUSER', service, ...rules);
  await acl('on', '>secret', '~*', '&*', '+@all');
  const writer = await Replica.open(service, {
    REDIS_URL: inject('redisUrl').replace('redis://', `redis://${service}:secret@`),
  });
  const reader = await Replica.open(service);
  const get = async ({ cache }: Replica, value: string) =>
    String(await cache.getOrLoad('k', async () => bytes(value), { tags: ['t'] }));
  expect([await get(writer, 'old'), await get(reader, 'never')]).toEqual(['old', 'old']);

  // Redis keeps its data and refuses the writer's: the change is made, its invalidation cannot be.
  await acl('-unlink');
  await writer.cache.invalidate(['t']);
  expect([await get(writer, 'new'), await get(reader, 'never')]).toEqual(['new', 'old']);

  await acl('+unlink');
  await expect.poll(() => get(reader, 'new')).toBe('new');
  await Promise.all([writer.cache.close(), reader.cache.close()]);
  await operator.send('ACL', 'DELUSER', service);
  operator.close();
});
