import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException } from '@nestjs/common';
import { Logger } from '@rookery/observability';
import { type FastifyReply, type FastifyRequest } from 'fastify';
import { sendRefusal } from './send-refusal.js';

/** Errors of Nest's own controllers (documentation, health, metrics) as problems, like those of REST. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(private readonly logger: Logger) {}

  catch(thrown: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const reply = http.getResponse<FastifyReply>();
    const body = ownBody(thrown);
    if (body) reply.code(body.status).send(body.content);
    else sendRefusal(http.getRequest<FastifyRequest>(), reply, thrown, this.logger);
  }
}

/** What a controller wants to be read with its status, such as the report of a failed health check. */
function ownBody(thrown: unknown): { status: number; content: object } | undefined {
  if (!(thrown instanceof HttpException)) return undefined;
  const content = thrown.getResponse();
  return typeof content === 'object' && !('statusCode' in content)
    ? { status: thrown.getStatus(), content }
    : undefined;
}
