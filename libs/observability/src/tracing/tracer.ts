import type { CallContext, SpanAttributes, SpanKind } from '@rookery/context';
import type { Logger } from '../logger.js';
import type { Metrics } from '../metrics.js';
import type { TraceConfig } from './trace.config.js';

/** What a call's context says of its trace. */
export type TraceContext = Pick<CallContext, 'span' | 'traceparent'>;

/** The caller's side of the trace. */
export type CallerTrace = Pick<CallContext, 'traceparent' | 'tracestate'>;

/**
 * Begins the spans of a service with which others (a client, a schedule, an event) make it work; what the work leads to is
 * a child of its span, found in the call context.
 */
export abstract class Tracer {
  /** Records nothing, and leaves trace contexts as they are. */
  static readonly off: Tracer = {
    enabled: false,
    begin: (_name, _kind, { traceparent }) => ({ span: undefined, traceparent }),
    close: async () => undefined,
  };

  /** Whether anything is ever recorded. */
  abstract readonly enabled: boolean;

  /**
   * Begins a span of the trace that `caller` names, or of a new one. Whether it is recorded is the caller's word, in a new
   * trace the sampler's.
   */
  abstract begin(name: string, kind: SpanKind, caller: CallerTrace, attributes?: SpanAttributes): TraceContext;

  /** Sends what has ended, within two seconds or not at all. */
  abstract close(): Promise<void>;
}

/**
 * The tracer of a service. OpenTelemetry is loaded only when there is a collector: it makes a start slower.
 * @param service the name that its spans carry
 */
export async function openTracer(
  config: TraceConfig,
  service: string,
  metrics: Metrics,
  logger: Logger,
): Promise<Tracer> {
  if (config.endpoint === undefined) return Tracer.off;
  const { OtlpTracer } = await import('./otlp-tracer.js');
  return new OtlpTracer(config, service, metrics, logger);
}
