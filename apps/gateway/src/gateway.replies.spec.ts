import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ANN, send } from './gateway.fixture.js';
import { type UsersGateway, startUsersGateway } from './users-gateway.fixture.js';

let gateway: UsersGateway;
beforeAll(async () => (gateway = await startUsersGateway()));
afterEach(() => gateway.reset());
afterAll(() => gateway.close());

describe('the replies of the gateway', () => {
  it('answers with protojson, empty fields included', async () => {
    const response = await gateway.get('/v1/users/u%2F1');
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(await response.json()).toEqual(ANN);
    expect(gateway.received.get('GetUser')?.request).toEqual({ id: 'u/1' });
    expect(await (await gateway.get('/v1/users')).json()).toEqual({ users: [ANN], nextPageToken: '' });
  });

  it('takes a body, and answers Empty with {}', async () => {
    const created = await gateway.get('/v1/users', send('POST', { email: 'a@b.c', name: 'A' }));
    expect(await created.json()).toEqual({ id: 'u1', email: 'a@b.c', name: 'A' });
    const deleted = await gateway.get('/v1/users/u1', { method: 'DELETE' });
    expect(deleted.status).toBe(200);
    expect(await deleted.json()).toEqual({});
  });

  it('binds the query', async () => {
    await gateway.get('/v1/users?page_size=7&pageToken=next%20one');
    expect(gateway.received.get('ListUsers')?.request).toEqual({ pageSize: 7, pageToken: 'next one' });
  });

  it('derives the mask of a PATCH from its keys', async () => {
    await gateway.get('/v1/users/u1', send('PATCH', { name: 'B', id: 'u2' }));
    expect(gateway.received.get('UpdateUser')?.request).toEqual({ user: { id: 'u1', name: 'B' }, updateMask: 'name' });
    await gateway.get(
      '/v1/users/u1?update_mask=email',
      send('PATCH', { name: 'B' }, { 'content-type': 'application/merge-patch+json' }),
    );
    expect(gateway.received.get('UpdateUser')?.request).toMatchObject({ updateMask: 'email' });
  });

  it('answers HEAD like GET, without the body', async () => {
    const response = await gateway.get('/v1/users/u1', { method: 'HEAD' });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-length')).toBe(String(JSON.stringify(ANN).length));
    expect(await response.text()).toBe('');
  });

  it('passes on who calls, in which language, in which trace; and nothing else', async () => {
    const headers = {
      'x-request-id': 'req-1',
      authorization: 'Bearer t',
      'accept-language': 'de',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      cookie: 'secret=1',
    };
    const response = await gateway.get('/v1/users/u1', { headers });
    expect(response.headers.get('x-request-id')).toBe('req-1');
    const metadata = gateway.received.get('GetUser')?.metadata.getMap();
    const { cookie: _, ...passed } = headers;
    expect(metadata).toMatchObject(passed);
    expect(metadata).not.toHaveProperty('cookie');
  });

  it('makes a request id where there is no usable one', async () => {
    const response = await gateway.get('/v1/users/u1', { headers: { 'x-request-id': 'not usable' } });
    const id = response.headers.get('x-request-id');
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    expect(gateway.received.get('GetUser')?.metadata.get('x-request-id')).toEqual([id]);
  });

  it('counts calls by route, not by path', async () => {
    await gateway.get('/v1/users/some-id');
    await gateway.get('/nobody/is/here');
    const metrics = await (await gateway.get('/metrics')).text();
    expect(metrics).toMatch(
      /http_server_request_duration_seconds_count\{method="GET",route="\/v1\/users\/\{id\}",status="200"\} \d/,
    );
    expect(metrics).toContain('route="unmatched",status="404"');
    expect(metrics).not.toContain('some-id');
  });
});
