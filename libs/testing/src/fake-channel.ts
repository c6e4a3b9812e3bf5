import { type InterceptingListener, Metadata, type StatusObject } from '@grpc/grpc-js';
import type { ServiceDefinition } from '@rookery/contracts';
import { Code } from '@rookery/errors';
import type { ChannelCall, GrpcChannel } from '@rookery/grpc';
import { type Fake, answer, statusOf } from './fake.js';

/** A channel whose calls end at a fake in the same process: the client above it is the real one. */
export function fakeChannel(fake: Fake): GrpcChannel {
  const methods = Object.entries(fake.service.methods);
  const names = new Map(methods.map(([name, method]) => [`/${fake.service.fullName}/${method.name}`, name]));
  return {
    createCall: (path, deadline) => new FakeChannelCall(fake, names.get(path)!, deadline),
    close: () => undefined,
  };
}

/** One call: requests wait for the fake, replies wait for the reader, as on a connection without buffers. */
class FakeChannelCall implements ChannelCall {
  private readonly abort = new AbortController();
  private readonly timer: NodeJS.Timeout | undefined;
  private readonly requests: { message: Buffer; taken?: () => void }[] = [];
  private closed = false;
  private ended = false;
  private reads = 0;
  private listener!: InterceptingListener;
  /** Wakes what waits for a request, a reader or the end. */
  private readonly waiting: (() => void)[] = [];

  constructor(
    private readonly fake: Fake<ServiceDefinition>,
    private readonly method: string,
    deadline: number,
  ) {
    if (!Number.isFinite(deadline)) return;
    const late = () => this.cancelWithStatus(Code.DEADLINE_EXCEEDED, 'Deadline exceeded');
    this.timer = setTimeout(late, deadline - Date.now());
  }

  start(metadata: Metadata, listener: InterceptingListener): void {
    this.listener = listener;
    void this.run(metadata.clone());
  }

  startRead(): void {
    this.reads += 1;
    this.news();
  }

  sendMessageWithContext({ callback }: { callback?: () => void }, message: Buffer): void {
    this.requests.push({ message, taken: callback });
    this.news();
  }

  halfClose(): void {
    this.closed = true;
    this.news();
  }

  cancelWithStatus(code: number, details: string): void {
    this.end({ code, details, metadata: new Metadata() });
  }

  private async run(metadata: Metadata): Promise<void> {
    try {
      const { signal } = this.abort;
      const call = { metadata, peer: 'in-process', signal, header: new Metadata(), trailer: new Metadata() };
      let begun = false;
      for await (const reply of answer(this.fake, this.method, this.received(), call)) {
        while (this.reads === 0 && !this.ended) await this.change();
        if (this.ended) return;
        this.reads -= 1;
        if (!begun) this.listener.onReceiveMetadata(call.header);
        begun = true;
        this.listener.onReceiveMessage(reply);
      }
      this.end({ code: Code.OK as number, details: 'OK', metadata: call.trailer });
    } catch (error) {
      this.end(statusOf(error, this.fake.service));
    }
  }

  private async *received(): AsyncGenerator<Buffer> {
    for (;;) {
      const next = this.requests.shift();
      next?.taken?.();
      if (next) yield next.message;
      else if (this.closed || this.ended) return;
      else await this.change();
    }
  }

  private change(): Promise<void> {
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  private news(): void {
    for (const wake of this.waiting.splice(0)) wake();
  }

  private end(status: StatusObject): void {
    if (this.ended) return;
    this.ended = true;
    clearTimeout(this.timer);
    if ((status.code as number) !== Code.OK) this.abort.abort();
    this.news();
    process.nextTick(() => this.listener.onReceiveStatus(status));
  }
}
