import { createHash } from 'node:crypto';

/** Where dead letters of every service go. */
export const DEAD_LETTER_STREAM = 'dead_letters';
const DEAD_LETTER_SUBJECT = 'dead';

/** The proto package of a message type: what comes before the first name that starts with a capital. */
function packageOf(type: string): string {
  const names = type.split('.');
  const message = names.findIndex((name) => /^[A-Z]/.test(name));
  if (message < 1) throw new Error(`"${type}" is no message type of a proto package, such as order.v1.OrderCreated`);
  return names.slice(0, message).join('.');
}

/** A name that JetStream takes for a stream or consumer. */
function plain(text: string): string {
  return text.replaceAll(/[^\w-]/g, '_');
}

/** The stream that holds the events of a type, one for each proto package: `order.v1.OrderCreated` is in `order_v1`. */
export function streamOf(type: string): { name: string; subjects: string[] } {
  const name = packageOf(type);
  return { name: plain(name), subjects: [`${name}.>`] };
}

/** The durable consumer of a service for a type, and its name in the inbox: `mail-service__order_v1_OrderCreated`. */
export function consumerName(service: string, type: string): string {
  return `${plain(service)}__${plain(type)}`;
}

/** The subject of what a service gave up: `dead.mail-service.order.v1.OrderCreated`. */
export function deadLetterSubject(service: string, type: string): string {
  return `${DEAD_LETTER_SUBJECT}.${plain(service)}.${type}`;
}

export const DEAD_LETTER_SUBJECTS = [`${DEAD_LETTER_SUBJECT}.>`];

/** Where dead letters go to be handled again: by the service that gave them up, and by no other. */
export const REPLAY_STREAM = 'replays';
const REPLAY_SUBJECT = 'replay';
export const REPLAY_SUBJECTS = [`${REPLAY_SUBJECT}.>`];

/** The subjects of a service's replays: `replay.mail-service.` and the type. */
export function replayPrefix(service: string): string {
  return `${REPLAY_SUBJECT}.${plain(service)}.`;
}

/** The durable consumer of a service's replays: `mail-service__replays`. */
export function replayConsumerName(service: string): string {
  return `${consumerPrefix(service)}replays`;
}

/**
 * The durable consumer of a service's ordered handlers for one stream: `mail-service__order_v1__6ff3c2a1b0d4`. Another one
 * for each set of types, so that a version which handles more of them begins where nobody has passed these for it.
 */
export function orderedConsumerName(service: string, stream: string, types: Iterable<string>): string {
  const set = createHash('sha256')
    .update([...types].sort().join(' '))
    .digest('hex')
    .slice(0, 12);
  return `${consumerPrefix(service)}${stream}__${set}`;
}

/** Whether it is one of those: nobody has to remove them. */
export function isOrderedConsumer(name: string): boolean {
  return /__[0-9a-f]{12}$/.test(name);
}

/** What the names of a service's durable consumers begin with. */
export function consumerPrefix(service: string): string {
  return `${plain(service)}__`;
}
