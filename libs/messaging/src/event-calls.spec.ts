import { callContext, runWithContext } from '@rookery/context';
import { Tracer } from '@rookery/observability';
import { OrderCreated } from '@rookery/contracts/order/v1';
import { expect, it } from 'vitest';
import { newEvent } from './event.js';
import { EventCalls } from './event-calls.js';

const TRACEPARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

it.each([
  [TRACEPARENT, TRACEPARENT],
  ['café', undefined],
  [`${TRACEPARENT}-é`, undefined],
])('carries on the trace of an event when it is one: %s', async (traceparent, carried) => {
  const event = newEvent(OrderCreated, { id: 'o-1' }, { source: 'shop' });
  const headers = { ...event.headers, traceparent };
  const context = await new EventCalls(Tracer.off).run({ ...event, headers }, 1_000, async () => callContext());
  expect(context).toHaveProperty('traceparent', carried);
});

it('carries on who made the call that led to an event, for whom, and its trace', async () => {
  const call = {
    requestId: 'r-1',
    traceparent: TRACEPARENT,
    tracestate: 'vendor=a b,other=1',
    principal: 'user:ada',
    tenant: 'acme',
  };
  const { signal } = new AbortController();
  const event = runWithContext({ ...call, signal }, () => newEvent(OrderCreated, { id: 'o-1' }, { source: 'shop' }));
  expect(await new EventCalls(Tracer.off).run(event, 1_000, async () => callContext())).toMatchObject(call);
});
