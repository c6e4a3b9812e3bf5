import { once } from 'node:events';
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import protobuf from 'protobufjs';

/** What of opentelemetry/proto/collector/trace/v1 the specs look at, with the numbers of its fields. */
const { root } = protobuf.parse(`
  syntax = "proto3";
  message ExportTraceServiceRequest { repeated ResourceSpans resource_spans = 1; }
  message ResourceSpans { Resource resource = 1; repeated ScopeSpans scope_spans = 2; }
  message Resource { repeated KeyValue attributes = 1; }
  message ScopeSpans { repeated Span spans = 2; }
  message Span {
    bytes trace_id = 1;
    bytes span_id = 2;
    string trace_state = 3;
    bytes parent_span_id = 4;
    string name = 5;
    int32 kind = 6;
    fixed64 start_time_unix_nano = 7;
    fixed64 end_time_unix_nano = 8;
    repeated KeyValue attributes = 9;
    repeated Event events = 11;
    Status status = 15;
  }
  message Event { string name = 2; repeated KeyValue attributes = 3; }
  message Status { string message = 2; int32 code = 3; }
  message KeyValue { string key = 1; AnyValue value = 2; }
  message AnyValue {
    oneof value { string string_value = 1; bool bool_value = 2; int64 int_value = 3; double double_value = 4; }
  }
`);
const Request = root.lookupType('ExportTraceServiceRequest');
const KINDS = ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'];
const FAILED = 2;

type Attributes = Record<string, unknown>;

/** A span as a collector got it. */
export interface ReceivedSpan {
  readonly service: string;
  readonly resource: Attributes;
  readonly name: string;
  readonly kind: string;
  readonly traceId: string;
  readonly spanId: string;
  /** Empty for the first of a trace. */
  readonly parentId: string;
  readonly traceState: string;
  /** Milliseconds. */
  readonly duration: number;
  readonly attributes: Attributes;
  readonly failed: boolean;
  readonly message: string;
  readonly events: readonly { name: string; attributes: Attributes }[];
}

/** A collector that takes OTLP over HTTP, as the collector of OpenTelemetry does, and keeps what it gets. */
export class TraceCollector {
  readonly spans: ReceivedSpan[] = [];
  /** The headers of each request. */
  readonly requests: IncomingMessage['headers'][] = [];
  /** What it answers. */
  status = 200;
  private readonly server = createServer((request, response) => void this.take(request, response));

  /** @param port 0 for a free one */
  static async start(port = 0): Promise<TraceCollector> {
    const collector = new TraceCollector();
    collector.server.listen(port, '127.0.0.1');
    await once(collector.server, 'listening');
    return collector;
  }

  /** For OTEL_EXPORTER_OTLP_ENDPOINT. */
  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Spans of that name, the first first. */
  named(name: string): ReceivedSpan[] {
    return this.spans.filter((span) => span.name === name);
  }

  /** The trace of `span` as lines, each a name behind its service, indented by its depth; children by their names. */
  tree({ traceId }: ReceivedSpan): string[] {
    const trace = this.spans.filter((span) => span.traceId === traceId);
    const below = (parent: string, depth: number): string[] =>
      trace
        .filter(({ parentId }) => parentId === parent)
        .toSorted((one, other) => (one.name < other.name ? -1 : 1))
        .flatMap(({ service, name, kind, spanId }) => [
          `${'  '.repeat(depth)}${service}: ${name} (${kind})`,
          ...below(spanId, depth + 1),
        ]);
    const known = new Set(trace.map(({ spanId }) => spanId));
    const roots = new Set(trace.map(({ parentId }) => parentId).filter((id) => !known.has(id)));
    return [...roots].flatMap((id) => below(id, 0));
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  private async take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    this.requests.push(request.headers);
    const body = Buffer.concat(chunks);
    const known = request.method === 'POST' && request.url === '/v1/traces';
    if (known && this.status === 200)
      this.keep(request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body);
    response.writeHead(known ? this.status : 404, { 'content-type': 'application/x-protobuf' }).end();
  }

  private keep(body: Buffer): void {
    const { resourceSpans } = Request.toObject(Request.decode(body), { longs: String, arrays: true, defaults: true });
    for (const { resource, scopeSpans } of resourceSpans as ResourceSpans[]) {
      const about = attributesOf(resource?.attributes);
      for (const span of scopeSpans.flatMap(({ spans }) => spans)) {
        this.spans.push({
          service: String(about['service.name']),
          resource: about,
          name: span.name,
          kind: KINDS[span.kind]!,
          traceId: hex(span.traceId),
          spanId: hex(span.spanId),
          parentId: hex(span.parentSpanId),
          traceState: span.traceState,
          duration: Number(BigInt(span.endTimeUnixNano) - BigInt(span.startTimeUnixNano)) / 1e6,
          attributes: attributesOf(span.attributes),
          failed: span.status?.code === FAILED,
          message: span.status?.message ?? '',
          events: span.events.map(({ name, attributes }) => ({ name, attributes: attributesOf(attributes) })),
        });
      }
    }
  }
}

interface KeyValue {
  key: string;
  value: { value?: string } & Record<string, unknown>;
}

interface ResourceSpans {
  resource?: { attributes: KeyValue[] };
  scopeSpans: {
    spans: {
      traceId: Buffer;
      spanId: Buffer;
      parentSpanId: Buffer;
      traceState: string;
      name: string;
      kind: number;
      startTimeUnixNano: string;
      endTimeUnixNano: string;
      attributes: KeyValue[];
      events: { name: string; attributes: KeyValue[] }[];
      status?: { code: number; message: string };
    }[];
  }[];
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

function attributesOf(pairs: KeyValue[] = []): Attributes {
  return Object.fromEntries(
    pairs.map(({ key, value: { stringValue, boolValue, intValue, doubleValue } }) => [
      key,
      stringValue || boolValue || doubleValue || (intValue !== undefined && Number(intValue)) || stringValue,
    ]),
  );
}
