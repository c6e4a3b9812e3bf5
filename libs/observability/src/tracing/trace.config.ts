import { EnvNumber, EnvString, EnvUrl } from '@rookery/config';

/** `key=value,key2=value2`, percent-encoded, as OpenTelemetry writes lists of pairs. */
const PAIRS = /^[^=,\s]+=[^,]*(,\s*[^=,\s]+=[^,]*)*$/;

/** Where traces go, under the names that OpenTelemetry has for it. */
export class TraceConfig {
  @EnvUrl({
    name: 'OTEL_EXPORTER_OTLP_ENDPOINT',
    description: 'The collector that gets the traces, as OTLP over HTTP; `/v1/traces` is added to it.',
    protocols: ['http', 'https'],
    optional: true,
    unset: 'no traces are recorded',
  })
  readonly endpoint?: string;

  @EnvString({
    name: 'OTEL_EXPORTER_OTLP_HEADERS',
    description: 'Headers for the collector, such as `authorization=Bearer%20abc`.',
    pattern: PAIRS,
    takes: 'pairs such as key=value,key2=value2',
    optional: true,
    unset: 'none',
    secret: true,
  })
  readonly headers?: string;

  @EnvString({
    name: 'OTEL_RESOURCE_ATTRIBUTES',
    description: 'What all spans of the process say besides its service, such as `deployment.environment.name=prod`.',
    pattern: PAIRS,
    takes: 'pairs such as key=value,key2=value2',
    optional: true,
    unset: 'nothing',
  })
  readonly resourceAttributes?: string;

  @EnvNumber({
    name: 'OTEL_TRACES_SAMPLER_ARG',
    description: 'The share of traces that is recorded of those that begin here; the others are as their callers say.',
    default: 1,
    min: 0,
    max: 1,
  })
  readonly share!: number;
}

/** What a list of pairs says. */
export function pairsOf(text: string | undefined): Record<string, string> {
  const pairs = (text ?? '').split(',').filter(Boolean);
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=');
      return [decoded(pair.slice(0, at)), decoded(pair.slice(at + 1))];
    }),
  );
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text.trim());
  } catch {
    return text.trim();
  }
}
