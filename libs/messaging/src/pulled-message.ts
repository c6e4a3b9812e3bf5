import type { Msg, MsgHdrs } from '@nats-io/transport-node';

const ACKNOWLEDGE = Buffer.from('+ACK');
const AGAIN = Buffer.from('-NAK');
const WORKING = Buffer.from('+WPI');
const TERMINATE = Buffer.from('+TERM');

/** A delivery of a pull consumer. Its settlement is what it gets first; what follows is not sent. */
export class PulledMessage {
  readonly stream: string;
  /** 1 for the first. */
  readonly deliveryCount: number;
  readonly streamSequence: number;
  /** Counts the deliveries of the consumer. */
  readonly deliverySequence: number;
  /** When the stream stored it, in milliseconds of the server's clock. */
  readonly storedAt: number;
  private settled = false;

  constructor(private readonly message: Msg) {
    // `$JS.ACK.<stream>.<consumer>.<delivered>.<stream sequence>.<consumer sequence>.<nanoseconds>.<pending>`; servers
    // with domains put domain and account in front of the stream, and a random token at the end.
    const tokens = (message.reply ?? '').split('.');
    const first = tokens.length > 9 ? 4 : 2;
    this.stream = tokens[first] ?? '';
    this.deliveryCount = Number(tokens[first + 2]);
    this.streamSequence = Number(tokens[first + 3]);
    this.deliverySequence = Number(tokens[first + 4]);
    this.storedAt = Number(tokens[first + 5]) / 1e6;
  }

  get subject(): string {
    return this.message.subject;
  }

  get headers(): MsgHdrs | undefined {
    return this.message.headers;
  }

  get data(): Uint8Array {
    return this.message.data;
  }

  acknowledge(): void {
    this.settle(ACKNOWLEDGE);
  }

  /** It comes again, after `delay` milliseconds. */
  again(delay = 0): void {
    this.settle(delay > 0 ? Buffer.from(`-NAK ${JSON.stringify({ delay: Math.round(delay * 1e6) })}`) : AGAIN);
  }

  /** It never comes again. */
  terminate(): void {
    this.settle(TERMINATE);
  }

  /** Begins its ack timeout anew. */
  working(): void {
    if (!this.settled) this.message.respond(WORKING);
  }

  private settle(answer: Uint8Array): void {
    if (this.settled) return;
    this.settled = true;
    this.message.respond(answer);
  }
}
