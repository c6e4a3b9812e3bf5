import { describe, expect, it } from 'vitest';
import { TRANSPORTS, messageApps } from './core-messages.fixture.js';
import { soon } from './scenario.fixture.js';

describe.each(TRANSPORTS)('messages over %s', (_, url) => {
  const { start, own, answering, hearing } = messageApps(url);

  it('has replicas share the work, and every service hear what is published', async () => {
    const heard: Record<string, number[]> = { first: [], second: [], mail: [], cache1: [], cache2: [] };
    const hear = (name: string, options = {}) => hearing('low', (n) => heard[name]!.push(n), options);
    await start({ controllers: [hear('first'), hear('cache1', { queue: '' })] });
    await start({ controllers: [hear('second'), hear('cache2', { queue: '' })] });
    await start({ name: 'mail-service', controllers: [hear('mail')] });
    const { client } = await start({ name: 'shop-service' });
    const all = Array.from({ length: 40 }, (_n, index) => index);
    for (const index of all) await client.publish(own('low'), index);
    const { first = [], second = [], mail, cache1, cache2 } = heard;
    const sorted = (numbers: number[]) => numbers.toSorted((one, other) => one - other);
    await soon(() => {
      expect(sorted([...first, ...second])).toEqual(all);
      expect([mail, cache1, cache2]).toEqual([all, all, all]);
    });
    expect(first).not.toHaveLength(0);
    expect(second).not.toHaveLength(0);
  });

  it('loses nothing where patterns overlap, and has the nearest one answer', async () => {
    const heard: Record<string, string[]> = { all: [], checks: [], twice: [] };
    const controllers = [
      hearing('>', (text) => heard.all!.push(text)),
      hearing('*.check', (text) => heard.checks!.push(text)),
      hearing('*.check', (text) => heard.twice!.push(text)),
      answering('*.check', () => 'any'),
      answering('book.check', () => 'book'),
    ];
    const app = await start({ controllers });
    await start({ controllers });
    const texts = Array.from({ length: 50 }, (_n, index) => `${index}`.padStart(2, '0'));
    const answers = [];
    for (const text of texts) answers.push(await app.client.request(own('book.check'), text));
    expect(new Set(answers)).toEqual(new Set(['book']));
    await soon(() => {
      for (const got of Object.values(heard)) expect(got.toSorted()).toEqual(texts);
    });
    expect(await app.client.request(own('pen.check'), '')).toBe('any');
  });

  it('does not begin with patterns that cannot work', async () => {
    await expect(start({ controllers: [answering('a b', () => 1)] })).rejects.toThrow('is no pattern of NATS');
    const twice = [answering('same', () => 1), answering('same', () => 2)];
    await expect(start({ controllers: twice })).rejects.toThrow('more than one @MessagePattern');
    const { client } = await start();
    await expect(client.publish(own('*'), {})).rejects.toThrow('no subject of a message');
  });
});
