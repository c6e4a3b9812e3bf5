import type { ControlConnection } from '@rookery/database';
import { expect, it } from 'vitest';
import { OutboxQueue } from './outbox-queue.js';

/** A session that grants the lock and breaks while `breaks` is being answered: both come in one read. */
function control(breaks: string) {
  let lost = () => {};
  const asked: string[] = [];
  const fake = {
    asked,
    onChange: (handlers: { lost: () => void }) => {
      lost = handlers.lost;
      return () => undefined;
    },
    query: async (text: string) => {
      asked.push(text);
      if (text.includes(breaks)) lost();
      return [{ held: true, first: 1, last: 7, ended: '1', begun: '1', part: 0, position: '7' }];
    },
  };
  return fake as typeof fake & ControlConnection;
}

const EVERYTHING = {
  range: { after: 0, upTo: 100 },
  limit: 10,
  bytes: 10,
  withoutPositions: [],
  withoutKeys: [],
  withoutTypes: [],
  more: [],
  moreLimit: 0,
};

it('does not have the lock of a session that broke in the same moment, and reads nothing', async () => {
  const session = control('pg_try_advisory_lock');
  const queue = new OutboxQueue(session, () => undefined);
  expect(await queue.acquire()).toBe(false);
  expect(await queue.exchange([], EVERYTHING)).toBeUndefined();
  expect(session.asked).toHaveLength(1);
});

it('does not pass on what was read when the session broke in the same moment', async () => {
  const queue = new OutboxQueue(control('WITH gone'), () => undefined);
  expect(await queue.acquire()).toBe(true);
  expect(await queue.exchange([], EVERYTHING)).toBeUndefined();
});
