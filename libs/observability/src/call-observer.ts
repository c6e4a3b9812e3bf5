import { Injectable } from '@nestjs/common';
import { Code } from '@rookery/errors';
import { Logger } from './logger.js';
import { Metrics } from './metrics.js';

/** How a call ended. */
export interface CallOutcome {
  /** `user.v1.UserService` */
  service: string;
  /** `GetUser` */
  method: string;
  code: Code;
  /** Milliseconds. */
  duration: number;
  /** What was thrown, if anything. */
  error?: unknown;
}

/** From a millisecond to ten seconds, in seconds. */
const DURATION_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** The codes that say that the service failed, not the caller. */
const FAULTS = new Set([Code.UNKNOWN, Code.INTERNAL, Code.DATA_LOSS]);

/** One log line and the metrics of every call that a service answers. */
@Injectable()
export class CallObserver {
  private readonly duration;
  private readonly running;

  constructor(
    metrics: Metrics,
    private readonly logger: Logger,
  ) {
    this.duration = metrics.histogram(
      'grpc_server_handling_seconds',
      'Time from the start of a call to its end, by code.',
      ['grpc_service', 'grpc_method', 'grpc_code'],
      DURATION_BUCKETS,
    );
    this.running = metrics.gauge('grpc_server_in_flight', 'Calls being served.', ['grpc_service', 'grpc_method']);
  }

  started(service: string, method: string): void {
    this.running.inc({ grpc_service: service, grpc_method: method });
  }

  ended({ service, method, code, duration, error }: CallOutcome): void {
    const labels = { grpc_service: service, grpc_method: method };
    this.running.dec(labels);
    this.duration.observe({ ...labels, grpc_code: Code[code] }, duration / 1000);
    const line = { rpc: `${service}/${method}`, code: Code[code], ms: Math.round(duration * 100) / 100 };
    if (FAULTS.has(code)) this.logger.error({ ...line, error: rootOf(error) }, 'call failed');
    else if (code === Code.OK) this.logger.info(line, 'call');
    else this.logger.info({ ...line, reason: messageOf(error) }, 'call refused');
  }
}

/** What really happened: the error that the catalogue's `Internal` hides from callers. */
function rootOf(error: unknown): unknown {
  return error instanceof Error && error.cause !== undefined ? error.cause : error;
}

function messageOf(error: unknown): string | undefined {
  return error instanceof Error ? error.message : undefined;
}
