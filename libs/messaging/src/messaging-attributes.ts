import type { SpanAttributes } from '@rookery/context';

/** What spans say of an event or a message. */
export function messagingAttributes(operation: string, destination: string, id?: string): SpanAttributes {
  return {
    'messaging.system': 'nats',
    'messaging.operation.type': operation,
    'messaging.destination.name': destination,
    'messaging.message.id': id,
  };
}
