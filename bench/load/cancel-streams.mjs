import { once } from 'node:events';
import { connect, constants } from 'node:http2';
import { MessageCounter } from './message-counter.mjs';
import { STREAM_PATH, streamRequest } from './request.mjs';

/** Streams at a time. */
const AT_A_TIME = 50;

const ON_A_CONNECTION = 500;

/** Messages that are read of each before it is cancelled, of a million that the server would send. */
const READ = 5;
const ASKED_FOR = 1_000_000;

async function readAndLeave(session) {
  const stream = session.request({
    ':method': 'POST',
    ':path': STREAM_PATH,
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  const counter = new MessageCounter();
  stream.on('error', () => {});
  stream.on('data', (chunk) => {
    counter.add(chunk);
    if (counter.complete >= READ) stream.close(constants.NGHTTP2_CANCEL);
  });
  stream.end(streamRequest(ASKED_FOR));
  await once(stream, 'close');
  if (counter.complete < READ) throw new Error(`A stream ended after ${counter.complete} messages`);
}

/**
 * Opens so many endless streams and cancels each after a few messages. On several connections: Node's HTTP/2 cuts a
 * client off that cancels a thousand streams of one at once (CVE-2023-44487).
 */
export async function cancelStreams(port, streams) {
  for (let done = 0; done < streams; done += ON_A_CONNECTION) {
    const session = connect(`http://127.0.0.1:${port}`);
    let left = Math.min(ON_A_CONNECTION, streams - done);
    const worker = async () => {
      while (left > 0) {
        left -= 1;
        await readAndLeave(session);
      }
    };
    await Promise.all(Array.from({ length: AT_A_TIME }, worker));
    session.close();
  }
}
