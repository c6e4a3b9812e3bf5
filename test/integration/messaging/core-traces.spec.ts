import { NotFound } from '@rookery/errors';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TraceCollector } from '../../trace-collector.js';
import type { App } from './core-app.fixture.js';
import { TRANSPORTS, messageApps } from './core-messages.fixture.js';

/** Of a sender that records its trace. */
const TRACED = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' };

describe.each(TRANSPORTS)('traces of messages over %s', (_, url) => {
  const { start, own, answering, hearing } = messageApps(url);
  let collector: TraceCollector;

  beforeEach(async () => {
    collector = await TraceCollector.start();
  });
  afterEach(() => collector.stop());

  it('show what a request led to, and who failed in it', async () => {
    let app: App | undefined = undefined;
    const client = () => app!.client;
    const controllers = [
      answering('order', async () => {
        await client().publish(own('counted'), {});
        await client()
          .request(own('stock'), {})
          .catch(() => undefined);
        return 'done';
      }),
      answering('stock', () => {
        throw new NotFound('no such book');
      }),
      hearing('counted', () => undefined),
    ];
    app = await start({ controllers, env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url } });
    expect(await client().request(own('order'), {}, { headers: TRACED })).toBe('done');
    const tree = () =>
      collector.spans[0] && collector.tree(collector.spans[0]).map((line) => line.replace(own(''), ''));
    await expect
      .poll(tree)
      .toEqual([
        'stock-service: process order (server)',
        '  stock-service: publish counted (producer)',
        '    stock-service: process counted (consumer)',
        '  stock-service: request stock (client)',
        '    stock-service: process stock (server)',
      ]);
    for (const name of ['request', 'process']) {
      expect(collector.named(`${name} ${own('stock')}`)).toEqual([
        expect.objectContaining({ failed: true, attributes: expect.objectContaining({ 'error.type': 'NOT_FOUND' }) }),
      ]);
    }
    expect(collector.named(`process ${own('order')}`)[0]).toMatchObject({
      failed: false,
      parentId: TRACED.traceparent.slice(36, 52),
      attributes: { 'messaging.system': 'nats', 'messaging.destination.name': own('order') },
    });
  });
});
