import {
  type CallOptions,
  type ChannelOptions,
  Client,
  type ClientDuplexStream,
  Metadata,
  type StatusObject,
  credentials,
  status,
} from '@grpc/grpc-js';
import { LOADED_SERVICE, type Reply, type Request, messageType } from './conformance-service.js';

/** A request as a message, or as bytes that need not be one. */
export type Sent = Partial<Request> | Buffer;

/** How a call ended, and all that came before it. */
export interface Answer {
  /** Name of the status code. */
  code: string;
  message: string;
  replies: Reply[];
  /** The details of the status by the short name of their type; what was not sent is missing. */
  details: Record<string, object>;
  /** What the server sent before the first reply. */
  metadata: Metadata | undefined;
  trailers: Metadata;
}

export interface RawCallOptions {
  metadata?: Metadata;
  /** Milliseconds from now. */
  timeout?: number;
}

function decode(type: string, bytes: Uint8Array): object {
  return messageType(type)!.deserialize(Buffer.from(bytes));
}

/** `{ ErrorInfo: {...}, BadRequest: {...} }` of a `grpc-status-details-bin`. */
function detailsIn(trailers: Metadata): Record<string, object> {
  const [bytes] = trailers.get('grpc-status-details-bin');
  if (bytes === undefined) return {};
  const { details } = decode('google.rpc.Status', bytes as Buffer) as {
    details: { type_url: string; value: Buffer }[];
  };
  return Object.fromEntries(
    details.map(({ type_url: url, value }) => {
      const name = url.split('/').at(-1)!;
      return [name.split('.').at(-1)!, decode(name, value)];
    }),
  );
}

/** One running call. On the wire the four kinds are alike: messages both ways, and a status at the end. */
export class RawCall {
  private readonly source: AsyncIterator<Reply>;
  private readonly ended: Promise<StatusObject>;
  /** What the server sends before its first reply. */
  readonly metadata: Promise<Metadata>;

  constructor(readonly stream: ClientDuplexStream<Sent, Reply>) {
    this.ended = new Promise((resolve) => stream.once('status', resolve));
    this.metadata = new Promise((resolve) => stream.once('metadata', resolve));
    // The status says it as well.
    stream.on('error', () => undefined);
    this.source = stream.iterator({ destroyOnReturn: false });
  }

  send(...requests: Sent[]): this {
    for (const request of requests) this.stream.write(request);
    return this;
  }

  end(): this {
    this.stream.end();
    return this;
  }

  cancel(): this {
    this.stream.cancel();
    return this;
  }

  /** The next reply; it is read off the socket only now, so that whoever does not ask is a slow reader. */
  async next(): Promise<Reply> {
    const { value, done } = await this.source.next();
    if (done) throw new Error('the call has ended without a further reply');
    return value as Reply;
  }

  /** Reads to the end. It never rejects: a failed call is an answer too. */
  async answer(): Promise<Answer> {
    let metadata: Metadata | undefined;
    void this.metadata.then((received) => (metadata = received));
    const replies: Reply[] = [];
    try {
      for (let next = await this.source.next(); !next.done; next = await this.source.next()) replies.push(next.value);
    } catch {
      // The status says it.
    }
    const { code, details: message, metadata: trailers } = await this.ended;
    return { code: status[code], message, replies, details: detailsIn(trailers), metadata, trailers };
  }
}

/** grpc-js as it is, with protobufjs for the messages: a client that shares nothing with the server but the proto. */
export class RawClient {
  private readonly client: Client;
  private readonly running = new Set<RawCall>();

  constructor(address: string, options: ChannelOptions = {}) {
    this.client = new Client(address, credentials.createInsecure(), {
      'grpc.max_receive_message_length': -1,
      // For retries it would keep 1 MiB of each call, and take that much before it feels the server's backpressure.
      'grpc.per_rpc_retry_buffer_size': 0,
      ...options,
    });
  }

  /** Begins a call; `rpc` is `unary` or any other name, known or not. */
  start(rpc: string, { metadata = new Metadata(), timeout }: RawCallOptions = {}): RawCall {
    const { requestSerialize, responseDeserialize } = LOADED_SERVICE.Unary!;
    const name = rpc.charAt(0).toUpperCase() + rpc.slice(1);
    const options: CallOptions = timeout === undefined ? {} : { deadline: Date.now() + timeout };
    const stream = this.client.makeBidiStreamRequest<Sent, Reply>(
      `/conformance.v1.ConformanceService/${name}`,
      (sent) => (Buffer.isBuffer(sent) ? sent : requestSerialize(sent)),
      responseDeserialize as (bytes: Buffer) => Reply,
      metadata,
      options,
    );
    const call = new RawCall(stream);
    this.running.add(call);
    stream.once('status', () => this.running.delete(call));
    return call;
  }

  /** Sends the requests (one with an id by default), ends, and reads the whole answer. */
  call(rpc: string, requests: Sent | Sent[] = { id: 'a' }, options?: RawCallOptions): Promise<Answer> {
    return this.start(rpc, options)
      .send(...[requests].flat())
      .end()
      .answer();
  }

  /** What a failed test leaves running is nothing for the server to wait for. */
  cancelAll(): void {
    for (const call of this.running) call.cancel();
  }

  close(): void {
    this.client.close();
  }
}
