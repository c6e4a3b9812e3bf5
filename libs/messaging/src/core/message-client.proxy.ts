import { ClientProxy, NatsRecord, type ReadPacket, type WritePacket } from '@nestjs/microservices';
import type { MsgHdrs } from '@nats-io/transport-node';
import type { MessageClient } from './message.client.js';

/**
 * Nest's own face of `MessageClient`, injectable as `ClientProxy`: `send()` gives the answers as an Observable, `emit()`
 * sends a message that nobody answers. There is nothing to connect or to close; it is the service's own connection.
 */
export class MessageClientProxy extends ClientProxy {
  constructor(private readonly client: MessageClient) {
    super();
  }

  async connect(): Promise<void> {
    // The connection is the service's, and connects by itself.
  }

  close(): void {
    // As above.
  }

  unwrap<T = MessageClient>(): T {
    return this.client as T;
  }

  protected publish({ pattern, data }: ReadPacket, callback: (packet: WritePacket) => void): () => void {
    const failed = (err: unknown) => callback({ err, isDisposed: true });
    try {
      const { payload, headers } = recordOf(data);
      return this.client.open(
        this.normalizePattern(pattern),
        payload,
        { headers },
        {
          answered: (response, last) => callback({ response, isDisposed: last }),
          failed,
        },
      );
    } catch (error) {
      failed(error);
      return () => undefined;
    }
  }

  protected async dispatchEvent<T>({ pattern, data }: ReadPacket): Promise<T> {
    const { payload, headers } = recordOf(data);
    await this.client.publish(this.normalizePattern(pattern), payload, { headers });
    return undefined as T;
  }
}

/** What `NatsRecordBuilder` puts together: a payload with headers. */
function recordOf(data: unknown): { payload: unknown; headers?: MsgHdrs } {
  if (!(data instanceof NatsRecord)) return { payload: data };
  return { payload: data.data as unknown, headers: data.headers as MsgHdrs | undefined };
}
