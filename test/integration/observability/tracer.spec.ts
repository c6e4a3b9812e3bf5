import { Test, type TestingModule } from '@nestjs/testing';
import { Environment, loadConfig } from '@rookery/config';
import { runWithContext, traced } from '@rookery/context';
import { freePort } from '@rookery/embedded';
import {
  type LogConfig,
  Metrics,
  ObservabilityModule,
  TraceConfig,
  Tracer,
  createLogger,
} from '@rookery/observability';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TraceCollector } from '../../trace-collector.js';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const CALLER = 'b7ad6b7169203331';

let collector: TraceCollector;
let modules: TestingModule[] = [];

beforeEach(async () => {
  collector = await TraceCollector.start();
});
afterEach(async () => {
  await Promise.all(modules.splice(0).map((module) => module.close()));
  await collector.stop();
});

async function observed(variables: Record<string, string> = {}) {
  const lines: string[] = [];
  const config = { level: 'info', format: 'json' } as LogConfig;
  const logger = createLogger(config, 'user-service', { write: (line: string) => void lines.push(line) });
  const environment = new Environment({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, ...variables });
  const [trace] = loadConfig([TraceConfig], environment);
  const module = await Test.createTestingModule({
    imports: [ObservabilityModule.register(logger, { service: 'user-service', config: trace })],
  }).compile();
  modules.push(module);
  return {
    tracer: module.get(Tracer),
    logger,
    logged: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>),
    spans: async () => (await module.get(Metrics).registry.getSingleMetric('trace_spans_total')?.get())?.values,
    /** Has everything sent that has ended. */
    close: async () => {
      modules = modules.filter((each) => each !== module);
      await module.close();
    },
  };
}

const signal = new AbortController().signal;

describe('a tracer', () => {
  it('records nothing without a collector, and leaves the trace of the caller as it is', async () => {
    const { tracer, spans } = await observed({ OTEL_EXPORTER_OTLP_ENDPOINT: '' });
    expect(tracer.enabled).toBe(false);
    const traceparent = `00-${TRACE}-${CALLER}-01`;
    expect(tracer.begin('GetUser', 'server', { traceparent })).toEqual({ traceparent, span: undefined });
    expect(await spans()).toBeUndefined();
  });

  it('sends a trace that begins here, with its parts, their attributes and their failures', async () => {
    const { tracer, close, spans } = await observed({
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20abc, x-team=a',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test,service.name=another',
    });
    const { span, traceparent } = tracer.begin('GetUser', 'server', {}, { 'rpc.method': 'GetUser', absent: undefined });
    expect(traceparent).toBe(span?.traceparent);
    const part = span!.child('SELECT users', 'client');
    part.end({ failure: '23505', error: new Error('twice'), attributes: { 'db.response.status_code': '23505' } });
    span!.end();
    span!.end({ failure: 'TOO_LATE' });
    await close();

    expect(collector.requests[0]).toMatchObject({ authorization: 'Bearer abc', 'x-team': 'a' });
    const [root] = collector.named('GetUser');
    const [child] = collector.named('SELECT users');
    expect(root).toMatchObject({
      service: 'user-service',
      resource: { 'deployment.environment.name': 'test', 'service.instance.id': expect.stringContaining('-') },
      kind: 'server',
      parentId: '',
      attributes: { 'rpc.method': 'GetUser' },
      failed: false,
    });
    expect(traceparent).toBe(`00-${root!.traceId}-${root!.spanId}-01`);
    expect(Object.keys(root!.attributes)).toEqual(['rpc.method']);
    expect(child).toMatchObject({
      traceId: root!.traceId,
      parentId: root!.spanId,
      kind: 'client',
      failed: true,
      message: 'twice',
      attributes: { 'error.type': '23505', 'db.response.status_code': '23505' },
      events: [{ name: 'exception', attributes: { 'exception.message': 'twice' } }],
    });
    expect(await spans()).toEqual([{ labels: { outcome: 'sent' }, value: 2 }]);
  });

  it('goes on with the trace of a caller who records it, with what other systems say of it', async () => {
    const { tracer, close } = await observed({ OTEL_TRACES_SAMPLER_ARG: '0' });
    const caller = { traceparent: `00-${TRACE}-${CALLER}-01`, tracestate: 'vendor=1' };
    tracer.begin('GetUser', 'server', caller).span!.end();
    await close();
    expect(collector.spans).toEqual([
      expect.objectContaining({ traceId: TRACE, parentId: CALLER, traceState: 'vendor=1' }),
    ]);
  });

  it('records nothing of a trace that its caller does not record', async () => {
    const { tracer, close } = await observed();
    const traceparent = `00-${TRACE}-${CALLER}-00`;
    expect(tracer.begin('GetUser', 'server', { traceparent })).toEqual({ traceparent, span: undefined });
    await close();
    expect(collector.requests).toEqual([]);
  });

  it('has what a call leads to know that its trace is not recorded', async () => {
    const { tracer } = await observed({ OTEL_TRACES_SAMPLER_ARG: '0' });
    const { span, traceparent } = tracer.begin('GetUser', 'server', {});
    expect(span).toBeUndefined();
    expect(traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
  });

  it.each(['nonsense', `00-${'0'.repeat(32)}-${CALLER}-01`])(
    'begins a trace where the caller says "%s"',
    async (traceparent) => {
      const { tracer, close } = await observed();
      tracer.begin('GetUser', 'server', { traceparent }).span!.end();
      await close();
      expect(collector.spans).toEqual([expect.objectContaining({ parentId: '' })]);
    },
  );

  it('says once that the collector does not take spans, counts them, and says when it does again', async () => {
    const { tracer, logged, spans } = await observed();
    const send = () => tracer.begin('GetUser', 'server', {}).span!.end();
    const outcome = async (wanted: string) =>
      (await spans())?.find(({ labels }) => labels['outcome'] === wanted)?.value ?? 0;
    collector.status = 400;
    send();
    await expect.poll(() => outcome('failed')).toBe(1);
    send();
    await expect.poll(() => outcome('failed')).toBe(2);
    collector.status = 200;
    send();
    await expect.poll(() => outcome('sent')).toBe(1);
    expect(logged().map(({ level, msg }) => `${level}: ${msg}`)).toEqual([
      'warn: traces are lost: the collector does not take them',
      'info: the collector takes traces again',
    ]);
  });

  it('holds up no stop when nobody is where the collector should be', async () => {
    const { tracer, close } = await observed({ OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${await freePort()}` });
    tracer.begin('GetUser', 'server', {}).span!.end();
    const begun = performance.now();
    await close();
    expect(performance.now() - begun).toBeLessThan(3_000);
  });

  it('drops spans rather than keep more of them than 8,192', async () => {
    const { tracer, spans, close } = await observed();
    // In one turn of the event loop, in which none can be sent.
    for (let index = 0; index < 8_200; index += 1) tracer.begin('GetUser', 'server', {}).span!.end();
    await close();
    expect(await spans()).toEqual(
      expect.arrayContaining([
        { labels: { outcome: 'dropped' }, value: 8 },
        { labels: { outcome: 'sent' }, value: 8_192 },
      ]),
    );
    expect(collector.spans).toHaveLength(8_192);
  });
});

describe('traced', () => {
  it('shows work as a part of the call, and what the work leads to as a part of that', async () => {
    const { tracer, close, logger, logged } = await observed();
    const trace = tracer.begin('GetUser', 'server', {});
    const work = async () => {
      await traced('inner', async () => logger.info('inside'));
      throw new RangeError('too far');
    };
    const context = { requestId: 'r-1', signal, ...trace };
    await expect(runWithContext(context, () => traced('outer', work, { size: 3 }))).rejects.toThrow('too far');
    trace.span!.end();
    await close();
    expect(collector.tree(collector.spans[0]!)).toEqual([
      'user-service: GetUser (server)',
      '  user-service: outer (internal)',
      '    user-service: inner (internal)',
    ]);
    expect(collector.named('outer')[0]).toMatchObject({
      failed: true,
      attributes: { size: 3, 'error.type': 'RangeError' },
    });
    expect(logged()).toMatchObject([{ msg: 'inside', requestId: 'r-1', traceId: trace.span!.traceId }]);
  });

  it('only runs the work where no trace is recorded', async () => {
    expect(await traced('work', async () => 1)).toBe(1);
    expect(await runWithContext({ requestId: 'r-1', signal }, () => traced('work', async () => 2))).toBe(2);
  });
});
