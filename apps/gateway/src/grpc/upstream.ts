import { type DescMethod, type Message, fromBinary, toBinary } from '@bufbuild/protobuf';
import { Client, type ClientReadableStream, type Metadata, connectivityState, credentials } from '@grpc/grpc-js';
import type { CallContext } from '@rookery/context';
import { beginClientSpan, fromReceived, spanEndOf } from '@rookery/grpc';

/** Of a channel: every replica gets its share, a dead one is noticed within 30 s, a restarted one is found within 2 s. */
const CHANNEL = {
  'grpc.service_config': JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] }),
  'grpc.keepalive_time_ms': 20_000,
  'grpc.keepalive_timeout_ms': 10_000,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.min_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 2000,
  // A new replica behind a headless service is found this soon after a lost connection.
  'grpc.dns_min_time_between_resolutions_ms': 5000,
  // What a service sends is its own business; the default of 4 MiB would make a larger reply RESOURCE_EXHAUSTED.
  'grpc.max_receive_message_length': -1,
  // Two gateways of one process (the embedded topology, tests) must not share connections and their backoff.
  'grpc.use_local_subchannel_pool': 1,
};

/**
 * How long a call waits for a connection when there is none, in milliseconds. grpc-js fails it as soon as the address that
 * it knows refuses, also while it looks for those of the replicas that have come instead.
 */
const RECONNECTING = 500;

/** How the balancer of the channel says that it had no connection to send a call on; a service's own words begin otherwise. */
const UNSENT = /^round_robin: No connection established\b/;

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
   * Repeats a call once that could not be sent, when there is a connection a moment later: it was made on one that ended.
   * @param timeout milliseconds
   * @throws {RookeryError} that the status stands for
   */
  async unary(call: UpstreamCall, timeout: number): Promise<Message> {
    const until = Date.now() + timeout;
    try {
      return await this.attempt(call, timeout);
    } catch (error) {
      const { details = '' } = ((error as Error).cause ?? {}) as { details?: string };
      if (!UNSENT.test(details) || !(await this.reachable(RECONNECTING))) throw error;
      return await this.attempt(call, Math.max(1, until - Date.now()));
    }
  }

  private attempt({ method, request, metadata, context }: UpstreamCall, timeout: number): Promise<Message> {
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

  /** Resolves when there is a connection, or when it has taken too long for a call to wait for it. */
  async connecting(): Promise<void> {
    if (!this.connected) await this.reachable(RECONNECTING);
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
