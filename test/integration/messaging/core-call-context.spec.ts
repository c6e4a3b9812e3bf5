import { setTimeout as sleep } from 'node:timers/promises';
import { type CallContext, callContext, runWithContext } from '@rookery/context';
import { DeadlineExceeded, Unavailable } from '@rookery/errors';
import { describe, expect, it } from 'vitest';
import { TRANSPORTS, messageApps } from './core-messages.fixture.js';
import { soon } from './scenario.fixture.js';

const call = (context: Partial<CallContext>): CallContext => ({
  requestId: 'r-1',
  signal: new AbortController().signal,
  ...context,
});

describe.each(TRANSPORTS)('messages over %s', (_, url) => {
  const { start, own, answering } = messageApps(url);

  it('runs the handler in the call of the sender', async () => {
    let seen: Partial<CallContext> = {};
    const app = await start({
      controllers: [
        answering('context', async () => {
          await sleep(1);
          seen = { ...callContext() };
        }),
      ],
    });
    const context = {
      requestId: 'r-7',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      tracestate: 'a=1',
      tenant: 'acme',
      principal: 'ada',
      deadline: Date.now() + 5_000,
    };
    await runWithContext(call(context), () => app.client.request(own('context'), {}));
    const { deadline, signal, ...carried } = seen;
    const { deadline: own5s, ...sent } = context;
    expect(carried).toEqual(sent);
    expect(Math.abs(deadline! - own5s)).toBeLessThan(1_000);
    expect(signal?.aborted).toBe(false);
  });

  it('takes no more of the sender than is safe, and no context of a sender without one', async () => {
    let seen: Partial<CallContext> = {};
    const app = await start({ controllers: [answering('context', () => void (seen = { ...callContext() }))] });
    const headers = { 'x-request-id': 'a b', 'x-tenant-id': 'a b', traceparent: 'nonsense', tracestate: 'a=1' };
    await app.client.request(own('context'), {}, { headers });
    expect(seen).toMatchObject({ traceparent: undefined, tracestate: undefined, tenant: undefined });
    expect(seen.requestId).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('ends the handler and the wait at the deadline, the nearest one', async () => {
    const reasons: unknown[] = [];
    const app = await start({
      controllers: [
        answering('slow', () => {
          const { signal } = callContext()!;
          signal.addEventListener('abort', () => reasons.push(signal.reason));
          return new Promise(() => undefined);
        }),
      ],
    });
    const slow = () => app.client.request(own('slow'), {}, { timeout: '150ms' });
    await expect(slow()).rejects.toThrow(DeadlineExceeded);
    await soon(() => expect(reasons).toEqual([expect.any(DeadlineExceeded)]));
    const deadline = Date.now() + 50;
    await expect(runWithContext(call({ deadline }), slow)).rejects.toThrow(DeadlineExceeded);
    expect(Date.now() - deadline).toBeLessThan(90);
    await expect(runWithContext(call({ deadline: Date.now() - 1 }), slow)).rejects.toThrow('no time left');
    await soon(async () => expect(await app.handled(own('slow'), 'DEADLINE_EXCEEDED')).toBe(2));
  });

  it('ends the wait when the call of the sender ends', async () => {
    const app = await start({
      env: { EVENTS_DRAIN_TIMEOUT: '50ms' },
      controllers: [answering('slow', () => new Promise(() => undefined))],
    });
    const ending = new AbortController();
    const reason = new Unavailable('the service stops');
    const waiting = runWithContext(call({ signal: ending.signal }), () => app.client.request(own('slow'), {}));
    ending.abort(reason);
    await expect(waiting).rejects.toBe(reason);
  });
});
