import { type OutgoingHttpHeaders, type ServerHttp2Stream, constants } from 'node:http2';
import type { Metadata, ServerInterceptingCallInterface } from '@grpc/grpc-js';
import { Code } from '@rookery/errors';

/**
 * A call as grpc-js hands it to interceptors, with what it keeps to itself. It accepts calls, reads their messages and
 * watches their deadlines; what a call sends goes to its HTTP/2 stream from here, in one write where there is one reply:
 * grpc-js waits for the message to be written before it sends the status, and copies headers four times on the way.
 * The flags tell each of the two what the other has sent: grpc-js sends a status itself at the deadline, and when a
 * message is too long.
 */
export interface Transport extends ServerInterceptingCallInterface {
  readonly stream: ServerHttp2Stream;
  /** The initial metadata is sent. */
  metadataSent: boolean;
  /** A status follows what has been sent. */
  wantTrailers: boolean;
  deadlineTimer: NodeJS.Timeout | null;
  /** Nobody listens any more, or the status is on its way: what still comes in is dropped. */
  cancelled: boolean;
}

const HEADERS = { ':status': 200, 'content-type': 'application/grpc+proto' };
const BEFORE_TRAILERS = { waitForTrailers: true, sendDate: false };
const TRAILERS_ONLY = { endStream: true, sendDate: false };
const OK = { 'grpc-status': Code.OK };
/** What the client gets when a handler has set trailers that HTTP/2 forbids, such as `connection`. */
const UNSENDABLE = { 'grpc-status': Code.INTERNAL, 'grpc-message': 'internal error' };

/** What a timer can wait for, in milliseconds: 24 days. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** Messages longer than this many bytes are not copied behind their frame's head. */
const COPIED = 16 * 1024;

/** Whether nothing can be sent any more. */
function isOver({ stream, cancelled, wantTrailers }: Transport): boolean {
  return cancelled || wantTrailers || stream.destroyed || stream.closed;
}

/**
 * Has `expire` called at the deadline of the call, in the place of what grpc-js does then: it sends a status, and tells
 * us when the client has read it, which may be never. It clears the timer when the stream is closed.
 */
export function replaceDeadlineTimer(transport: Transport, expire: () => void): void {
  if (transport.deadlineTimer) clearTimeout(transport.deadlineTimer);
  const left = (transport.getDeadline() as number) - Date.now();
  transport.deadlineTimer = setTimeout(expire, Math.min(Math.max(left, 0), LONGEST_TIMER));
}

/** The status that grpc-js has sent by itself, for a message that it could not read; undefined when it has not. */
export function sentStatus({ stream }: Transport): { code: number; message: string } | undefined {
  const sent = stream.sentTrailers ?? stream.sentHeaders;
  const code = sent?.['grpc-status'];
  if (code === undefined) return undefined;
  return { code: Number(code), message: decodeURI(String(sent!['grpc-message'] ?? '')) };
}

/** Whether the client has cancelled. */
export function isReset({ stream }: Transport): boolean {
  return stream.aborted || stream.rstCode !== constants.NGHTTP2_NO_ERROR;
}

/** What a client still sends after the status is read and dropped: unread, it would keep the stream open. */
function readToTheEnd(transport: Transport): void {
  transport.cancelled = true;
  if (!transport.stream.readableEnded) transport.stream.resume();
}

/** Ends a stream whose client does not: at once, with what could not be sent. */
export function closeStream({ stream }: Transport, slowReader: boolean): void {
  if (stream.destroyed) return;
  const unread = slowReader ? constants.NGHTTP2_ENHANCE_YOUR_CALM : constants.NGHTTP2_CANCEL;
  stream.close(stream.sentTrailers ? constants.NGHTTP2_NO_ERROR : unread);
}

/** Sends the initial metadata, if it is not sent yet. */
export function sendHeaders(transport: Transport, metadata?: Metadata): void {
  if (transport.metadataSent || isOver(transport)) return;
  const headers = metadata ? { ...HEADERS, ...metadata.toHttp2Headers() } : HEADERS;
  transport.stream.respond(headers, BEFORE_TRAILERS);
  transport.metadataSent = true;
}

/** Sends one message of several; `written` is called when the connection has taken it. */
export function sendMessage(transport: Transport, bytes: Buffer, written: () => void): void {
  if (isOver(transport)) return;
  sendHeaders(transport);
  write(transport, bytes, written);
}

/** Sends the only message and ends the call with OK. */
export function sendReply(transport: Transport, bytes: Buffer, trailers: Metadata | undefined): void {
  if (isOver(transport)) return;
  sendHeaders(transport);
  awaitTrailers(transport, trailers);
  if (bytes.length > COPIED) {
    write(transport, bytes, undefined);
    transport.stream.end();
  } else {
    transport.stream.end(frame(bytes));
  }
  readToTheEnd(transport);
}

/** Ends the call with OK. */
export function sendSuccess(transport: Transport, trailers: Metadata | undefined): void {
  if (isOver(transport)) return;
  sendHeaders(transport);
  awaitTrailers(transport, trailers);
  transport.stream.end();
  readToTheEnd(transport);
}

/** Ends the call with an error. */
export function sendFailure(transport: Transport, code: Code, message: string, trailers: Metadata): void {
  if (isOver(transport)) return;
  const status: OutgoingHttpHeaders = {
    ...trailers.toHttp2Headers(),
    'grpc-status': code,
    // A lone surrogate cannot be percent-encoded.
    'grpc-message': encodeURI(Buffer.from(message).toString()),
  };
  if (transport.metadataSent) {
    endWith(transport, status);
    transport.stream.end();
  } else {
    transport.metadataSent = true;
    transport.wantTrailers = true;
    try {
      transport.stream.respond({ ...HEADERS, ...status }, TRAILERS_ONLY);
    } catch {
      transport.stream.respond({ ...HEADERS, ...UNSENDABLE }, TRAILERS_ONLY);
    }
  }
  readToTheEnd(transport);
}

function awaitTrailers(transport: Transport, trailers: Metadata | undefined): void {
  if (trailers) return endWith(transport, { ...trailers.toHttp2Headers(), ...OK });
  transport.wantTrailers = true;
  transport.stream.on('wantTrailers', sendOk);
}

function sendOk(this: ServerHttp2Stream): void {
  this.sendTrailers(OK);
}

function endWith(transport: Transport, status: OutgoingHttpHeaders): void {
  transport.wantTrailers = true;
  transport.stream.on('wantTrailers', () => {
    try {
      transport.stream.sendTrailers(status);
    } catch {
      transport.stream.sendTrailers(UNSENDABLE);
    }
  });
}

/** A message behind the head of its frame: not compressed, and its length. */
function frame(bytes: Buffer): Buffer {
  const framed = Buffer.allocUnsafe(bytes.length + 5);
  framed[0] = 0;
  framed.writeUInt32BE(bytes.length, 1);
  framed.set(bytes, 5);
  return framed;
}

function write({ stream }: Transport, bytes: Buffer, written: (() => void) | undefined): void {
  if (bytes.length <= COPIED) {
    stream.write(frame(bytes), written);
    return;
  }
  const head = Buffer.alloc(5);
  head.writeUInt32BE(bytes.length, 1);
  stream.cork();
  stream.write(head);
  stream.write(bytes, written);
  stream.uncork();
}
