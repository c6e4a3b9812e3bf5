import { Injectable } from '@nestjs/common';
import type { CallContext, Span } from '@rookery/context';
import { Code } from '@rookery/errors';
import { CallMetrics } from './call-metrics.js';
import { Logger } from './logger.js';
import { Metrics } from './metrics.js';
import { successLog } from './success-log.js';
import { Tracer } from './tracing/tracer.js';

/** The codes that say that the service failed, not the caller. */
const FAULTS = new Set([Code.UNKNOWN, Code.INTERNAL, Code.DATA_LOSS]);

/** The codes that OpenTelemetry takes for failures of a server: the others say that it has done what it should. */
const SERVER_FAILURES = new Set([...FAULTS, Code.DEADLINE_EXCEEDED, Code.UNIMPLEMENTED, Code.UNAVAILABLE]);

/** A call whose trace may begin with it. */
export interface ObservedCall extends CallContext {
  span?: Span;
  traceparent?: string;
}

/** Is told of each call of one RPC. */
export interface MethodObserver {
  /** Gives the call its span, when there is one. */
  started(call: ObservedCall): void;
  /**
   * @param duration milliseconds
   * @param error what was thrown, if anything
   */
  ended(call: CallContext, code: Code, duration: number, error?: unknown): void;
}

/** One log line, the metrics and the span of every call that a service answers. */
@Injectable()
export class CallObserver {
  private readonly calls: CallMetrics;

  constructor(
    metrics: Metrics,
    private readonly logger: Logger,
    private readonly tracer: Tracer,
  ) {
    this.calls = new CallMetrics(metrics);
  }

  /** What watches one RPC: `user.v1.UserService`, `GetUser`. */
  ofMethod(service: string, method: string): MethodObserver {
    const metrics = this.calls.ofMethod(service, method);
    const logger = this.logger.child({ rpc: `${service}/${method}` });
    const succeeded = successLog(logger);
    const { tracer } = this;
    const name = `${service}/${method}`;
    const attributes = { 'rpc.system.name': 'grpc', 'rpc.method': name };
    return {
      started: (call) => {
        metrics.inFlight += 1;
        if (!tracer.enabled) return;
        const { span, traceparent } = tracer.begin(name, 'server', call, attributes);
        call.traceparent = traceparent;
        call.span = span;
      },
      ended: ({ requestId, span }, code, duration, error) => {
        metrics.ended(code, duration / 1000);
        if (span) endSpan(span, requestId, code, error);
        const ms = Math.round(duration * 100) / 100;
        if (code === Code.OK) return succeeded(requestId, ms, span?.traceId);
        const line = { requestId, traceId: span?.traceId, code: Code[code], ms };
        if (FAULTS.has(code)) logger.error({ ...line, error: rootOf(error) }, 'call failed');
        else logger.info({ ...line, reason: messageOf(error) }, 'call refused');
      },
    };
  }
}

function endSpan(span: Span, requestId: string, code: Code, error: unknown): void {
  span.end({
    attributes: { 'rpc.response.status_code': Code[code], 'rookery.request_id': requestId },
    failure: SERVER_FAILURES.has(code) ? Code[code] : undefined,
    error: rootOf(error),
  });
}

/** What really happened: the error that the catalogue's `Internal` hides from callers. */
function rootOf(error: unknown): unknown {
  return error instanceof Error && error.cause !== undefined ? error.cause : error;
}

function messageOf(error: unknown): string | undefined {
  return error instanceof Error ? error.message : undefined;
}
