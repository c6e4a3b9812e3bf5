import { runWithContext } from '@rookery/context';
import { OrderCreated, OrderConfirmed } from '@rookery/contracts/order/v1';
import { describe, expect, it } from 'vitest';
import { eventFromWire, inboxId, newEvent, receivedEvent, UnreadableEvent } from './event.js';
import { decodeHeader, encodeHeader } from './header-value.js';

const now = new Date('2026-03-01T12:00:00.000Z');
const call = { requestId: 'r-1', traceparent: '00-aa-bb-01', signal: new AbortController().signal };

describe('newEvent', () => {
  it('carries the attributes of CloudEvents, the call and the protobuf payload', () => {
    const event = runWithContext(call, () => newEvent(OrderCreated, { id: 'o-1' }, { source: 'order-service', now }));
    expect(event.headers).toEqual({
      'ce-specversion': '1.0',
      'ce-id': event.id,
      'ce-datacontenttype': 'application/protobuf',
      'ce-type': 'order.v1.OrderCreated',
      'ce-source': 'order-service',
      'ce-time': '2026-03-01T12:00:00.000Z',
      'content-type': 'application/protobuf',
      'x-request-id': 'r-1',
      traceparent: '00-aa-bb-01',
    });
    expect(event.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
    expect(OrderCreated.decode(event.payload).id).toBe('o-1');
  });

  it('says nothing of a call outside of one', () => {
    const { headers } = newEvent(OrderCreated, {}, { source: 's' });
    expect(Object.keys(headers)).not.toContain('x-request-id');
    expect(Object.keys(headers)).not.toContain('traceparent');
  });
});

describe('receivedEvent', () => {
  const sent = runWithContext(call, () =>
    newEvent(OrderCreated, { id: 'o-1' }, { source: 'shop', key: 'käse\n%', now }),
  );
  const arrived = (headers: Record<string, string> = {}) =>
    eventFromWire(sent.type, Object.entries({ ...sent.headers, ...headers }), sent.payload);
  const read = (headers?: Record<string, string>) =>
    receivedEvent(OrderCreated, { event: arrived(headers), attempt: 2 });

  it('is what was sent', () => {
    expect(read()).toEqual({
      id: sent.id,
      type: 'order.v1.OrderCreated',
      source: 'shop',
      time: now,
      key: 'käse\n%',
      payload: OrderCreated.fromPartial({ id: 'o-1' }),
      attempt: 2,
      requestId: 'r-1',
    });
  });

  it('takes header names in any case', () => {
    const shouted = Object.entries(sent.headers).map(([name, value]) => [name.toUpperCase(), value] as const);
    expect(receivedEvent(OrderCreated, { event: eventFromWire(sent.type, shouted, sent.payload), attempt: 1 }).id).toBe(
      sent.id,
    );
  });

  it.each([
    ['ce-specversion', '0.3'],
    ['ce-id', ''],
    ['ce-type', 'order.v1.OrderDeleted'],
    ['ce-time', 'yesterday'],
  ])('refuses a %s of "%s"', (name, value) => {
    expect(() => read({ [name]: value })).toThrow(UnreadableEvent);
  });

  it('takes what others send: any id, and no time', () => {
    const headers = { 'ce-specversion': '1.0', 'ce-type': sent.type, 'ce-source': 'theirs', 'ce-id': '17' };
    const event = eventFromWire(sent.type, Object.entries(headers), sent.payload, now);
    expect(receivedEvent(OrderCreated, { event, attempt: 1 })).toMatchObject({ id: '17', time: now });
    expect(inboxId(event)).toMatch(/^[0-9a-f]{32}$/);
    expect(inboxId({ ...event, headers: { ...event.headers, 'ce-source': 'another' } })).not.toBe(inboxId(event));
    expect(inboxId(sent)).toBe(sent.id);
  });

  it('refuses a payload that is no message', () => {
    const event = { ...arrived({ 'ce-type': OrderConfirmed.$type }), payload: Uint8Array.of(0x0a, 0x7f) };
    expect(() => receivedEvent(OrderConfirmed, { event, attempt: 1 })).toThrow(
      'its payload is no order.v1.OrderConfirmed',
    );
  });
});

describe('header values', () => {
  it.each(['plain-text_1.0', 'two words', 'line\r\nbreak', '50 % "off"', 'żółw 🐢', ''])(
    'carry %j both ways',
    (text) => {
      const encoded = encodeHeader(text);
      expect(encoded).toMatch(/^[\x21-\x7e]*$/);
      expect(decodeHeader(encoded)).toBe(text);
    },
  );

  it('of other producers are taken as they are', () => {
    expect(decodeHeader('100% of')).toBe('100% of');
  });
});
