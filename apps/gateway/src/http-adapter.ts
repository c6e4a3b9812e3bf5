import { type Socket } from 'node:net';
import { type IncomingMessage, STATUS_CODES } from 'node:http';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { REQUEST_ID_HEADER, requestIdFrom } from '@rookery/observability';
import { type FastifyReply, type FastifyRequest } from 'fastify';
import { type GatewayConfig } from './gateway.config.js';
import { HttpError } from './rest/http-error.js';
import { refusalOf } from './rest/problem.js';
import { sendRefusal } from './rest/send-refusal.js';

/** How often Node looks for requests that take too long to arrive, in milliseconds; its own 30 s would be the real limit. */
const CHECK_INTERVAL = 1000;

/** Nest's Fastify adapter with the gateway's limits, and with a problem for what fails before any route is reached. */
export function gatewayAdapter(config: GatewayConfig): FastifyAdapter {
  return new FastifyAdapter({
    bodyLimit: config.bodyLimit,
    requestTimeout: config.requestTimeout,
    http: {
      connectionsCheckingInterval: CHECK_INTERVAL,
      headersTimeout: config.requestTimeout,
      requestTimeout: config.requestTimeout,
    },
    genReqId: (request: IncomingMessage) => requestIdFrom(request.headers[REQUEST_ID_HEADER]),
    // A request that still gets in during a shutdown is served; Fastify's own 503 would be no problem+json.
    return503OnClosing: false,
    frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply) => sendRefusal(request, reply, error),
    clientErrorHandler: (error, socket) => refuseOnSocket(error, socket),
  });
}

/** Answers a request that Node could not even parse, on the bare socket, and closes it. */
function refuseOnSocket(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const requestId = requestIdFrom(undefined);
  const { problem } = refusalOf(parseFailure(error.code), '/', requestId);
  const body = JSON.stringify({ ...problem, instance: undefined });
  socket.end(
    [
      `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}`,
      'connection: close',
      'content-type: application/problem+json; charset=utf-8',
      `content-length: ${Buffer.byteLength(body)}`,
      `${REQUEST_ID_HEADER}: ${requestId}`,
      '',
      body,
    ].join('\r\n'),
  );
}

function parseFailure(code: string | undefined): HttpError {
  if (code === 'HPE_HEADER_OVERFLOW') {
    return new HttpError(431, 'HEADERS_TOO_LARGE', 'The request line and headers are larger than 16 KiB.');
  }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new HttpError(408, 'REQUEST_TIMEOUT', 'The request did not arrive within GATEWAY_REQUEST_TIMEOUT.');
  }
  return new HttpError(400, 'MALFORMED_REQUEST', 'What arrived is no HTTP request.');
}
