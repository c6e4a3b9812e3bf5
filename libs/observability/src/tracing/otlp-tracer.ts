import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import * as otel from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace-base';
import { type Span, type SpanAttributes, type SpanEnd, type SpanKind } from '@rookery/context';
import type { Logger } from '../logger.js';
import type { Metrics } from '../metrics.js';
import { traceparentFrom } from '../traceparent.js';
import { SpanQueue } from './span-queue.js';
import { type TraceConfig, pairsOf } from './trace.config.js';
import { type CallerTrace, type TraceContext, Tracer } from './tracer.js';

/** Spans that wait; more are dropped. About a kilobyte each. */
const QUEUE = 8_192;
/** Spans in one request. */
const BATCH = 1_024;
/** Milliseconds from a span's end to its sending, at most, while the collector answers. */
const DELAY = 1_000;
/** Milliseconds that a request may take, with what is repeated of it. */
const EXPORT_TIMEOUT = 10_000;
/** Milliseconds that a stop waits for the last request. */
const CLOSE_TIMEOUT = 2_000;

/** Characters of an attribute, such as an SQL text. */
const ATTRIBUTE_LENGTH = 4_096;

const KINDS: Record<SpanKind, otel.SpanKind> = {
  internal: otel.SpanKind.INTERNAL,
  server: otel.SpanKind.SERVER,
  client: otel.SpanKind.CLIENT,
  producer: otel.SpanKind.PRODUCER,
  consumer: otel.SpanKind.CONSUMER,
};

/** Records spans with OpenTelemetry's SDK and sends them to a collector. It sets nothing global: services share processes. */
export class OtlpTracer implements Tracer {
  readonly enabled = true;
  private readonly provider: BasicTracerProvider;
  private readonly tracer: otel.Tracer;

  constructor(config: TraceConfig, service: string, metrics: Metrics, logger: Logger) {
    const exporter = new OTLPTraceExporter({
      url: `${config.endpoint!.replace(/\/+$/, '')}/v1/traces`,
      headers: pairsOf(config.headers),
      timeoutMillis: EXPORT_TIMEOUT,
    });
    const queue = new SpanQueue(exporter, QUEUE, metrics, logger);
    const batches = new BatchSpanProcessor(queue, {
      maxQueueSize: QUEUE,
      maxExportBatchSize: BATCH,
      scheduledDelayMillis: DELAY,
      exportTimeoutMillis: EXPORT_TIMEOUT,
    });
    this.provider = new BasicTracerProvider({
      resource: resourceFromAttributes({
        ...pairsOf(config.resourceAttributes),
        'service.name': service,
        'service.instance.id': `${hostname()}-${process.pid}`,
      }),
      sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(config.share) }),
      spanLimits: { attributeValueLengthLimit: ATTRIBUTE_LENGTH },
      spanProcessors: [queue.before(batches)],
    });
    this.tracer = this.provider.getTracer('rookery');
  }

  begin(name: string, kind: SpanKind, { traceparent, tracestate }: CallerTrace, attributes?: SpanAttributes) {
    const caller = spanContextOf(traceparent, tracestate);
    if (caller && !isSampled(caller)) return { span: undefined, traceparent } satisfies TraceContext;
    const within = caller ? otel.trace.setSpanContext(otel.ROOT_CONTEXT, caller) : otel.ROOT_CONTEXT;
    const begun = this.tracer.startSpan(name, { kind: KINDS[kind], attributes: attributes as otel.Attributes }, within);
    const span = new RecordedSpan(this.tracer, begun);
    return { span: begun.isRecording() ? span : undefined, traceparent: span.traceparent } satisfies TraceContext;
  }

  async close(): Promise<void> {
    const limit = new AbortController();
    const late = sleep(CLOSE_TIMEOUT, undefined, { signal: limit.signal }).catch(() => undefined);
    await Promise.race([this.provider.shutdown().catch(() => undefined), late]);
    limit.abort();
  }
}

/** A span of the SDK's. */
class RecordedSpan implements Span {
  readonly traceparent: string;
  private within: otel.Context | undefined;

  constructor(
    private readonly tracer: otel.Tracer,
    private readonly span: otel.Span,
  ) {
    const { traceId, spanId, traceFlags } = span.spanContext();
    this.traceparent = `00-${traceId}-${spanId}-${traceFlags < 16 ? '0' : ''}${traceFlags.toString(16)}`;
  }

  get traceId(): string {
    return this.span.spanContext().traceId;
  }

  child(name: string, kind: SpanKind, attributes?: SpanAttributes): Span {
    this.within ??= otel.trace.setSpan(otel.ROOT_CONTEXT, this.span);
    const options = { kind: KINDS[kind], attributes: attributes as otel.Attributes };
    return new RecordedSpan(this.tracer, this.tracer.startSpan(name, options, this.within));
  }

  end({ attributes, failure, error }: SpanEnd = {}): void {
    const { span } = this;
    if (!span.isRecording()) return;
    if (attributes) span.setAttributes(attributes as otel.Attributes);
    if (failure !== undefined) {
      span.setAttribute('error.type', failure);
      const message = error instanceof Error ? error.message : typeof error === 'string' ? error : undefined;
      span.setStatus({ code: otel.SpanStatusCode.ERROR, message });
      if (error instanceof Error) span.recordException(error);
    }
    span.end();
  }
}

function isSampled({ traceFlags }: otel.SpanContext): boolean {
  return (traceFlags & otel.TraceFlags.SAMPLED) !== 0;
}

/** What the caller's headers name; undefined when that is no trace. */
function spanContextOf(received: string | undefined, tracestate: string | undefined): otel.SpanContext | undefined {
  const traceparent = traceparentFrom(received);
  if (traceparent === undefined) return undefined;
  const [, traceId = '', spanId = '', flags = ''] = traceparent.split('-');
  const traceState = tracestate === undefined ? undefined : otel.createTraceState(tracestate);
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16), traceState, isRemote: true };
}
