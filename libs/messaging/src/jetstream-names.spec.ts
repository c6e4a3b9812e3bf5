import { expect, it } from 'vitest';
import {
  consumerName,
  deadLetterSubject,
  isOrderedConsumer,
  orderedConsumerName,
  streamOf,
} from './jetstream-names.js';

it('has one stream for each proto package', () => {
  expect(streamOf('order.v1.OrderCreated')).toEqual({ name: 'order_v1', subjects: ['order.v1.>'] });
  expect(streamOf('order.v1.Order.Line')).toEqual(streamOf('order.v1.OrderCreated'));
});

it('refuses a type that is in no package', () => {
  expect(() => streamOf('OrderCreated')).toThrow('"OrderCreated" is no message type of a proto package');
});

it('names consumers and dead letters by service and type', () => {
  expect(consumerName('mail-service', 'order.v1.OrderCreated')).toBe('mail-service__order_v1_OrderCreated');
  expect(deadLetterSubject('mail.service', 'order.v1.OrderCreated')).toBe('dead.mail_service.order.v1.OrderCreated');
});

it('names the consumer of ordered handlers by what they handle, in whatever order', () => {
  const named = (...types: string[]) => orderedConsumerName('mail-service', 'order_v1', types);
  expect(named('order.v1.A', 'order.v1.B')).toMatch(/^mail-service__order_v1__[0-9a-f]{12}$/);
  expect(named('order.v1.B', 'order.v1.A')).toBe(named('order.v1.A', 'order.v1.B'));
  expect(named('order.v1.A')).not.toBe(named('order.v1.A', 'order.v1.B'));
  expect(isOrderedConsumer(named('order.v1.A'))).toBe(true);
  expect(isOrderedConsumer(consumerName('mail-service', 'order.v1.A'))).toBe(false);
});
