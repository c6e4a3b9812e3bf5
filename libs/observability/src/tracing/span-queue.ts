import type { ReadableSpan, SpanExporter, SpanProcessor } from '@opentelemetry/sdk-trace-base';
import type { Logger } from '../logger.js';
import type { Metrics } from '../metrics.js';

type ExportResult = Parameters<Parameters<SpanExporter['export']>[1]>[0];

/** `ExportResultCode.SUCCESS` of the SDK. */
const SUCCESS: ExportResult['code'] = 0;

/**
 * Stands on both sides of the SDK's batches, which tell nobody what becomes of spans: counts them, bounds how many wait or
 * are on their way, and says once when the collector does not take them, and once when it does again.
 */
export class SpanQueue implements SpanExporter {
  private waiting = 0;
  private failing = false;
  private readonly spans;

  constructor(
    private readonly exporter: SpanExporter,
    private readonly most: number,
    metrics: Metrics,
    private readonly logger: Logger,
  ) {
    this.spans = metrics.counter(
      'trace_spans_total',
      'Spans by what became of them: sent, failed (the collector did not take them), dropped (too many waited).',
      ['outcome'],
    );
  }

  /** What the spans go through before `batches`. */
  before(batches: SpanProcessor): SpanProcessor {
    return {
      onStart: () => undefined,
      onEnd: (span) => {
        if (this.waiting >= this.most) return this.spans.inc({ outcome: 'dropped' });
        this.waiting += 1;
        batches.onEnd(span);
      },
      forceFlush: () => batches.forceFlush(),
      shutdown: () => batches.shutdown(),
    };
  }

  export(spans: ReadableSpan[], done: (result: ExportResult) => void): void {
    this.exporter.export(spans, (result) => {
      this.waiting -= spans.length;
      this.spans.inc({ outcome: result.code === SUCCESS ? 'sent' : 'failed' }, spans.length);
      this.tell(result);
      done(result);
    });
  }

  shutdown(): Promise<void> {
    return this.exporter.shutdown();
  }

  private tell({ code, error }: ExportResult): void {
    const failing = code !== SUCCESS;
    if (failing === this.failing) return;
    this.failing = failing;
    if (failing) this.logger.warn({ error }, 'traces are lost: the collector does not take them');
    else this.logger.info('the collector takes traces again');
  }
}
