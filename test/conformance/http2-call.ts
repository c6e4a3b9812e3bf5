import { once } from 'node:events';
import { connect, constants } from 'node:http2';

/** What a server answered to a call made by hand. */
export interface Http2Answer {
  status: number;
  /** `grpc-status` of the trailers, or of the headers when there is nothing else. */
  code: number;
}

/** A message in gRPC's frame: not compressed, length, bytes. */
function framed(message: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

/**
 * A call that no gRPC client makes: its deadline, in the header's own format (`100m`, `1n`), is the server's alone to
 * keep, and a stream need not end. The messages are bytes.
 */
export async function http2Call(
  address: string,
  rpc: string,
  { timeout, messages, end }: { timeout: string; messages: Buffer[]; end: boolean },
): Promise<Http2Answer> {
  const session = connect(`http://${address}`);
  try {
    const stream = session.request({
      [constants.HTTP2_HEADER_METHOD]: 'POST',
      [constants.HTTP2_HEADER_PATH]: `/conformance.v1.ConformanceService/${rpc}`,
      [constants.HTTP2_HEADER_CONTENT_TYPE]: 'application/grpc',
      [constants.HTTP2_HEADER_TE]: 'trailers',
      'grpc-timeout': timeout,
    });
    let trailers: Record<string, unknown> = {};
    stream.on('trailers', (received: object) => (trailers = { ...received }));
    const headers = once(stream, 'response');
    for (const message of messages) stream.write(framed(message));
    if (end) stream.end();
    const [received] = (await headers) as [Record<string, unknown>];
    stream.resume();
    await once(stream, 'end');
    return { status: Number(received[':status']), code: Number(trailers['grpc-status'] ?? received['grpc-status']) };
  } finally {
    session.destroy();
  }
}
