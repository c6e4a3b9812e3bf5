import { REQUEST_ID_HEADER, type Logger } from '@rookery/observability';
import { type FastifyReply, type FastifyRequest } from 'fastify';
import { PROBLEM_JSON, refusalOf } from './problem.js';
import { pathOf } from './url.js';

/** Answers with a problem. One that is the gateway's or a service's fault is logged with its cause. */
export function sendRefusal(request: FastifyRequest, reply: FastifyReply, thrown: unknown, logger?: Logger): void {
  // Nobody is there to read it, and a client that leaves is no fault of anybody's.
  if (request.raw.socket.destroyed) return;
  if (reply.sent || reply.raw.headersSent) {
    reply.raw.destroy();
    return;
  }
  const { problem, headers } = refusalOf(thrown, pathOf(request.raw.url ?? '/').path, request.id);
  if (problem.status === 500) logger?.error({ error: rootOf(thrown), path: problem.instance }, 'request failed');
  reply
    // Fastify closes upon a body that is too long, and who still sends it then meets a broken connection instead of the
    // answer. Without it Node reads the rest away, for as long as GATEWAY_REQUEST_TIMEOUT allows a request to arrive.
    .removeHeader('connection')
    .code(problem.status)
    .headers({ ...headers, [REQUEST_ID_HEADER]: request.id, 'content-type': PROBLEM_JSON })
    .send(JSON.stringify(problem));
}

/** What really happened: the error that the catalogue's `Internal` hides from callers. */
function rootOf(thrown: unknown): unknown {
  return thrown instanceof Error && thrown.cause !== undefined ? thrown.cause : thrown;
}
