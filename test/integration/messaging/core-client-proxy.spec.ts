import { NatsRecordBuilder } from '@nestjs/microservices';
import { headers as natsHeaders } from '@nats-io/transport-node';
import { NotFound, Unavailable } from '@rookery/errors';
import { Observable, lastValueFrom, of, toArray } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { TRANSPORTS, messageApps } from './core-messages.fixture.js';
import { soon } from './scenario.fixture.js';

describe.each(TRANSPORTS)('messages over %s', (_, url) => {
  const { start, own, answering, hearing } = messageApps(url);

  it("is spoken by Nest's ClientProxy too, with all answers of an Observable", async () => {
    const heard: unknown[] = [];
    const later = new Observable<number>((subscriber) => {
      const timer = setInterval(() => subscriber.next(7), 1);
      return () => clearInterval(timer);
    });
    const app = await start({
      controllers: [
        answering('count', () => of(1, 2, 3)),
        answering('empty', () => of()),
        answering('endless', () => later),
        answering('failing', () => {
          throw new NotFound('gone');
        }),
        answering('headers', (_payload, context) => context.getHeaders().get('x-colour')),
        hearing('low', (payload) => heard.push(payload)),
      ],
    });
    const send = (subject: string, payload: unknown = {}) => app.proxy.send<unknown>(own(subject), payload);
    expect(await lastValueFrom(send('count').pipe(toArray()))).toEqual([1, 2, 3]);
    expect(await lastValueFrom(send('empty').pipe(toArray()))).toEqual([]);
    expect(await app.client.request(own('count'), {})).toBe(1);
    expect(await app.client.request(own('endless'), {}, { timeout: '500ms' })).toBe(7);
    await expect(lastValueFrom(send('failing'))).rejects.toThrow(NotFound);
    await expect(lastValueFrom(send('nobody'))).rejects.toThrow(Unavailable);
    const headers = natsHeaders();
    headers.set('x-colour', 'blue');
    expect(await lastValueFrom(send('headers', new NatsRecordBuilder({}).setHeaders(headers).build()))).toBe('blue');
    app.proxy.emit(own('low'), { sku: 'book' });
    await soon(() => expect(heard).toEqual([{ sku: 'book' }]));
  });
});
