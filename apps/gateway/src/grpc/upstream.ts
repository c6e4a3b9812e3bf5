import { type DescMethod, type Message, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  type ChannelOptions,
  Client,
  type ClientReadableStream,
  type Metadata,
  connectivityState,
  credentials,
} from '@grpc/grpc-js';
import type { CallContext } from '@rookery/context';
import { CHANNEL_OPTIONS, beginClientSpan, fromReceived, spanEndOf } from '@rookery/grpc';

const CHANNEL: ChannelOptions = {
  ...CHANNEL_OPTIONS,
  // A dead connection is noticed within 30 s.
  'grpc.keepalive_time_ms': 20_000,
  'grpc.keepalive_timeout_ms': 10_000,
  // What a service sends is its own business; the default of 4 MiB would make a larger reply RESOURCE_EXHAUSTED.
  'grpc.max_receive_message_length': -1,
};

/** What goes with a call. */
export interface UpstreamCall {
  readonly method: DescMethod;
  readonly request: Message;
  readonly metadata: Metadata;
  /** Of the request: its signal cancels the call. */
  readonly context: CallContext;
}

/** One service that the gateway calls, over one channel, with messages that only their descriptors describe. */
export class Upstream {
  private readonly client: Client;

  constructor(
    readonly name: string,
    target: string,
  ) {
    this.client = new Client(target, credentials.createInsecure(), CHANNEL);
  }

  /**
   * @param timeout milliseconds
   * @throws {RookeryError} that the status stands for
   */
  unary({ method, request, metadata, context }: UpstreamCall, timeout: number): Promise<Message> {
    const { signal } = context;
    const span = beginClientSpan(pathOf(method), this.name, metadata, context);
    return new Promise((resolve, reject) => {
      const call = this.client.makeUnaryRequest(
        pathOf(method),
        encoder(method),
        decoder(method),
        request,
        metadata,
        { deadline: Date.now() + timeout },
        (error, reply) => {
          signal.removeEventListener('abort', cancel);
          span?.end(spanEndOf(error ?? undefined));
          if (error) reject(fromReceived(error, this.name, { timeout }));
          else if (reply) resolve(reply);
          else reject(new Error(`${this.name} answered ${pathOf(method)} with neither a reply nor an error`));
        },
      );
      const cancel = () => call.cancel();
      signal.addEventListener('abort', cancel, { once: true });
      if (signal.aborted) cancel();
    });
  }

  /** The call ends with the caller, not at a deadline: a stream may be meant to stay. */
  serverStream({ method, request, metadata, context }: UpstreamCall): ClientReadableStream<Message> {
    const { signal } = context;
    const span = beginClientSpan(pathOf(method), this.name, metadata, context);
    const call = this.client.makeServerStreamRequest(
      pathOf(method),
      encoder(method),
      decoder(method),
      request,
      metadata,
    );
    const cancel = () => call.cancel();
    signal.addEventListener('abort', cancel, { once: true });
    if (span) call.once('status', (status) => span.end(spanEndOf(status)));
    call.once('close', () => signal.removeEventListener('abort', cancel));
    if (signal.aborted) cancel();
    return call;
  }

  get connected(): boolean {
    return this.client.getChannel().getConnectivityState(false) === connectivityState.READY;
  }

  /** Whether there is a connection or can be one within `timeout` milliseconds. */
  reachable(timeout: number): Promise<boolean> {
    if (this.connected) return Promise.resolve(true);
    return new Promise((resolve) => this.client.waitForReady(Date.now() + timeout, (error) => resolve(!error)));
  }

  close(): void {
    this.client.close();
  }
}

function pathOf({ parent, name }: DescMethod): string {
  return `/${parent.typeName}/${name}`;
}

function encoder({ input }: DescMethod): (message: Message) => Buffer {
  return (message) => {
    const { buffer, byteOffset, byteLength } = toBinary(input, message);
    return Buffer.from(buffer, byteOffset, byteLength);
  };
}

function decoder({ output }: DescMethod): (bytes: Buffer) => Message {
  return (bytes) => fromBinary(output, bytes);
}
