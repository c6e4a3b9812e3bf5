import { Injectable } from '@nestjs/common';
import { type CallContext, runWithContext } from '@rookery/context';
import { Logger, Metrics } from '@rookery/observability';
import { type FastifyReply, type FastifyRequest } from 'fastify';
import { pathOf } from './url.js';

/** From five milliseconds to ten seconds, in seconds: a call and the gateway's share of it. */
const DURATION_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** nginx's status for "the client went away", which no client ever sees. */
const CLIENT_CLOSED = 499;

/** One log line, one observation and the end of the span of each REST call. */
@Injectable()
export class AccessLog {
  private readonly duration;

  constructor(
    metrics: Metrics,
    private readonly logger: Logger,
  ) {
    this.duration = metrics.histogram(
      'http_server_request_duration_seconds',
      'Time from the head of a request to the end of its answer, by route and status.',
      ['method', 'route', 'status'],
      DURATION_BUCKETS,
    );
  }

  /**
   * Waits for the end of the answer.
   * @param route its template, or `unmatched`: never the path, which would make a label per user
   */
  watch(request: FastifyRequest, reply: FastifyReply, route: string, context: CallContext): void {
    const start = performance.now();
    reply.raw.once('close', () => {
      const status = reply.raw.writableFinished ? reply.statusCode : CLIENT_CLOSED;
      const ms = performance.now() - start;
      const { method } = request;
      this.duration.observe({ method, route, status: String(status) }, ms / 1000);
      const line = {
        http: `${method} ${route}`,
        path: pathOf(request.raw.url ?? '/').path,
        status,
        ms: Math.round(ms * 100) / 100,
      };
      context.span?.end({
        attributes: { 'http.response.status_code': status },
        failure: status >= 500 ? String(status) : undefined,
      });
      runWithContext(context, () => this.logger.info(line, 'request'));
    });
  }
}
