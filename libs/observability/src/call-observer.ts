import { Injectable } from '@nestjs/common';
import type { CallContext } from '@rookery/context';
import { Code } from '@rookery/errors';
import { CallMetrics } from './call-metrics.js';
import { Logger } from './logger.js';
import { Metrics } from './metrics.js';
import { successLog } from './success-log.js';

/** The codes that say that the service failed, not the caller. */
const FAULTS = new Set([Code.UNKNOWN, Code.INTERNAL, Code.DATA_LOSS]);

/** Is told of each call of one RPC. */
export interface MethodObserver {
  started(): void;
  /**
   * @param duration milliseconds
   * @param error what was thrown, if anything
   */
  ended(context: CallContext, code: Code, duration: number, error?: unknown): void;
}

/** One log line and the metrics of every call that a service answers. */
@Injectable()
export class CallObserver {
  private readonly calls: CallMetrics;

  constructor(
    metrics: Metrics,
    private readonly logger: Logger,
  ) {
    this.calls = new CallMetrics(metrics);
  }

  /** What watches one RPC: `user.v1.UserService`, `GetUser`. */
  ofMethod(service: string, method: string): MethodObserver {
    const metrics = this.calls.ofMethod(service, method);
    const logger = this.logger.child({ rpc: `${service}/${method}` });
    const succeeded = successLog(logger);
    return {
      started: () => {
        metrics.inFlight += 1;
      },
      ended: ({ requestId }, code, duration, error) => {
        metrics.ended(code, duration / 1000);
        const ms = Math.round(duration * 100) / 100;
        if (code === Code.OK) return succeeded(requestId, ms);
        const line = { requestId, code: Code[code], ms };
        if (FAULTS.has(code)) logger.error({ ...line, error: rootOf(error) }, 'call failed');
        else logger.info({ ...line, reason: messageOf(error) }, 'call refused');
      },
    };
  }
}

/** What really happened: the error that the catalogue's `Internal` hides from callers. */
function rootOf(error: unknown): unknown {
  return error instanceof Error && error.cause !== undefined ? error.cause : error;
}

function messageOf(error: unknown): string | undefined {
  return error instanceof Error ? error.message : undefined;
}
