// The client of the streams, a process of its own: `node stream-client.mjs PORT SECONDS`. It is plain HTTP/2 with the
// windows of Node's defaults, as grpc-js has them, and only counts messages, so that it is quicker than any server.
// Prints one line of JSON.
import { once } from 'node:events';
import { connect } from 'node:http2';
import { MessageCounter } from './message-counter.mjs';
import { STREAM_PATH, streamRequest } from './request.mjs';
import { CONNECTIONS, MESSAGES_EACH, STREAMS_EACH } from './streams.mjs';

const [port, seconds] = process.argv.slice(2).map(Number);
const body = streamRequest(MESSAGES_EACH);
const headers = {
  ':method': 'POST',
  ':path': STREAM_PATH,
  'content-type': 'application/grpc',
  te: 'trailers',
};

let messages = 0;
let over = false;

/** One stream after the other; the last one to its end, so that all that the server did is counted. */
async function keepReading(session) {
  while (!over) {
    const stream = session.request(headers);
    const counter = new MessageCounter();
    const received = { status: undefined, grpcStatus: undefined };
    stream.on('response', (first) => {
      received.status = first[':status'];
      received.grpcStatus = first['grpc-status'];
    });
    stream.on('trailers', (last) => (received.grpcStatus = last['grpc-status']));
    stream.on('data', (chunk) => counter.add(chunk));
    stream.end(body);
    await once(stream, 'close');
    const right = received.status === 200 && received.grpcStatus === '0' && counter.whole;
    if (!right || counter.complete !== MESSAGES_EACH) {
      throw new Error(`A stream ended wrong: ${JSON.stringify({ ...received, messages: counter.complete })}`);
    }
    messages += counter.complete;
  }
}

const sessions = Array.from({ length: CONNECTIONS }, () => connect(`http://127.0.0.1:${port}`));
await Promise.all(sessions.map((session) => once(session, 'connect')));
const startedAt = performance.now();
setTimeout(() => (over = true), seconds * 1_000);
await Promise.all(sessions.flatMap((session) => Array.from({ length: STREAMS_EACH }, () => keepReading(session))));
console.log(JSON.stringify({ messages, seconds: (performance.now() - startedAt) / 1_000 }));
for (const session of sessions) session.close();
