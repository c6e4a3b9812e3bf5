import { callContext } from '@rookery/context';
import { Unavailable } from '@rookery/errors';
import { describe, expect, it } from 'vitest';
import { TRANSPORTS, messageApps } from './core-messages.fixture.js';
import { soon } from './scenario.fixture.js';

describe.each(TRANSPORTS)('messages over %s', (_, url) => {
  const { start, own, answering } = messageApps(url);

  describe('while the service stops', () => {
    it('running handlers finish and answer, and others take what comes', async () => {
      let finish = () => {};
      const held = new Promise<string>((resolve) => (finish = () => resolve('done')));
      const begun: string[] = [];
      const stopping = await start({
        controllers: [
          answering('work', (text: string) => {
            begun.push(text);
            // What comes before the server knows that nobody listens any more is answered as well.
            return text === 'first' ? held : 'late';
          }),
        ],
      });
      const { client } = await start({ name: 'shop-service' });
      const running = client.request(own('work'), 'first');
      await soon(() => expect(begun).toEqual(['first']));
      const stopped = stopping.stopServing();
      await soon(() => expect(client.request(own('work'), 'late')).rejects.toMatchObject({ reason: 'NO_RESPONDERS' }));
      await start({ controllers: [answering('work', () => 'by another')] });
      expect(await client.request(own('work'), 'second')).toBe('by another');
      finish();
      await stopped;
      await stopping.close();
      expect(await running).toBe('done');
    });

    it('those that take too long are ended, and their senders told', async () => {
      let reason: unknown;
      let begun = false;
      const stopping = await start({
        env: { EVENTS_DRAIN_TIMEOUT: '50ms' },
        controllers: [
          answering('work', () => {
            const { signal } = callContext()!;
            signal.addEventListener('abort', () => (reason = signal.reason));
            begun = true;
            return new Promise(() => undefined);
          }),
        ],
      });
      const { client } = await start({ name: 'shop-service' });
      const running = client.request(own('work'), {}).catch((error: unknown) => error);
      await soon(() => expect(begun).toBe(true));
      await stopping.stopServing();
      expect(reason).toMatchObject({ reason: 'SHUTTING_DOWN' });
      expect(await running).toMatchObject({ constructor: Unavailable, reason: 'SHUTTING_DOWN' });
    });
  });
});
