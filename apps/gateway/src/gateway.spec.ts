import { type ServerResponse, request as rawRequest } from 'node:http';
import { connect } from 'node:net';
import {
  AlreadyExists,
  FailedPrecondition,
  InvalidArgument,
  NotFound,
  ResourceExhausted,
  Unavailable,
} from '@rookery/errors';
import { DependencyRegistry, Logger } from '@rookery/observability';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { ANN, PLATFORM, events, problemOf, send, start } from './gateway.fixture.js';
import { type FakeService, type OutgoingStream, type ReceivedCall, serveFake } from './grpc/upstream.fixture.js';

describe('the gateway', () => {
  let service: FakeService;
  let gateway: Awaited<ReturnType<typeof start>>;
  /** The last call of each RPC, as the service saw it. */
  const received = new Map<string, ReceivedCall>();
  /** What StreamUsers does. */
  let streamUsers: (stream: OutgoingStream) => void | Promise<void> = (stream) => stream.end();
  let getUser: (call: ReceivedCall) => object | Promise<object> = () => ANN;

  const get = (path: string, init?: RequestInit) => fetch(gateway.url + path, init);

  beforeAll(async () => {
    const note =
      (rpc: string, reply: (call: ReceivedCall) => object | Promise<object>) => async (call: ReceivedCall) => {
        received.set(rpc, call);
        return (await reply(call)) as never;
      };
    service = await serveFake(PLATFORM, 'user.v1.UserService', {
      GetUser: note('GetUser', (call) => getUser(call)),
      CreateUser: note('CreateUser', ({ request }) => ({ ...request, id: 'u1' })),
      UpdateUser: note('UpdateUser', () => ANN),
      DeleteUser: note('DeleteUser', () => ({})),
      ListUsers: note('ListUsers', () => ({ users: [ANN] })),
      StreamUsers: (stream: OutgoingStream) => void streamUsers(stream),
    });
    gateway = await start({
      USER_SERVICE_URL: service.target,
      ORDER_SERVICE_URL: '127.0.0.1:1',
      NOTIFICATION_SERVICE_URL: '127.0.0.1:1',
      GATEWAY_BODY_LIMIT: '2048',
      GATEWAY_TIMEOUT: '5s',
    });
  });
  afterEach(() => {
    streamUsers = (stream) => stream.end();
    getUser = () => ANN;
  });
  afterAll(async () => {
    await gateway?.close();
    service?.stop();
  });

  describe('replies', () => {
    it('answers with protojson, empty fields included', async () => {
      const response = await get('/v1/users/u%2F1');
      expect(response.status).toBe(200);
      expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
      expect(await response.json()).toEqual(ANN);
      expect(received.get('GetUser')?.request).toEqual({ id: 'u/1' });
      expect(await (await get('/v1/users')).json()).toEqual({ users: [ANN], nextPageToken: '' });
    });

    it('takes a body, and answers Empty with {}', async () => {
      const created = await get('/v1/users', send('POST', { email: 'a@b.c', name: 'A' }));
      expect(await created.json()).toEqual({ id: 'u1', email: 'a@b.c', name: 'A' });
      const deleted = await get('/v1/users/u1', { method: 'DELETE' });
      expect(deleted.status).toBe(200);
      expect(await deleted.json()).toEqual({});
    });

    it('binds the query', async () => {
      await get('/v1/users?page_size=7&pageToken=next%20one');
      expect(received.get('ListUsers')?.request).toEqual({ pageSize: 7, pageToken: 'next one' });
    });

    it('derives the mask of a PATCH from its keys', async () => {
      await get('/v1/users/u1', send('PATCH', { name: 'B', id: 'u2' }));
      expect(received.get('UpdateUser')?.request).toEqual({ user: { id: 'u1', name: 'B' }, updateMask: 'name' });
      await get(
        '/v1/users/u1?update_mask=email',
        send('PATCH', { name: 'B' }, { 'content-type': 'application/merge-patch+json' }),
      );
      expect(received.get('UpdateUser')?.request).toMatchObject({ updateMask: 'email' });
    });

    it('answers HEAD like GET, without the body', async () => {
      const response = await get('/v1/users/u1', { method: 'HEAD' });
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
      const response = await get('/v1/users/u1', { headers });
      expect(response.headers.get('x-request-id')).toBe('req-1');
      const metadata = received.get('GetUser')?.metadata.getMap();
      const { cookie: _, ...passed } = headers;
      expect(metadata).toMatchObject(passed);
      expect(metadata).not.toHaveProperty('cookie');
    });

    it('makes a request id where there is no usable one', async () => {
      const response = await get('/v1/users/u1', { headers: { 'x-request-id': 'not usable' } });
      const id = response.headers.get('x-request-id');
      expect(id).toMatch(/^[0-9a-f-]{36}$/);
      expect(received.get('GetUser')?.metadata.get('x-request-id')).toEqual([id]);
    });

    it('counts calls by route, not by path', async () => {
      await get('/v1/users/some-id');
      await get('/nobody/is/here');
      const metrics = await (await get('/metrics')).text();
      expect(metrics).toMatch(
        /http_server_request_duration_seconds_count\{method="GET",route="\/v1\/users\/\{id\}",status="200"\} \d/,
      );
      expect(metrics).toContain('route="unmatched",status="404"');
      expect(metrics).not.toContain('some-id');
    });
  });

  describe('refusals', () => {
    it.each([
      [
        new NotFound('no user 7', { reason: 'USER_NOT_FOUND', metadata: { id: '7' } }),
        { status: 404, reason: 'USER_NOT_FOUND', metadata: { id: '7' } },
      ],
      [new AlreadyExists('taken'), { status: 409, reason: 'ALREADY_EXISTS' }],
      [
        new FailedPrecondition('no', { violations: [{ type: 'STATE', subject: 'users/7', description: 'locked' }] }),
        { status: 400, violations: [{ type: 'STATE', subject: 'users/7', description: 'locked' }] },
      ],
      [
        new InvalidArgument('wrong', { violations: [{ field: 'page_size', description: 'too large' }] }),
        { status: 400, violations: [{ field: 'pageSize', description: 'too large' }] },
      ],
      [new Unavailable('the database is away', { reason: 'DATABASE' }), { status: 503, reason: 'DATABASE' }],
    ])('gives %s of the service on', async (error, expected) => {
      getUser = () => Promise.reject(error);
      const common = { detail: error.message, domain: 'fake-service', instance: '/v1/users/7' };
      expect(await problemOf(await get('/v1/users/7'))).toMatchObject({ ...common, ...expected });
    });

    it('says when to try again', async () => {
      getUser = () => Promise.reject(new ResourceExhausted('slow down', { retryAfter: 1200 }));
      const response = await get('/v1/users/7');
      expect(response.headers.get('retry-after')).toBe('2');
      expect(await problemOf(response)).toMatchObject({ status: 429, retryAfter: 1200 });
    });

    it('hides what a service did not mean to say', async () => {
      getUser = () => Promise.reject(new Error('password=hunter2'));
      expect(await problemOf(await get('/v1/users/7'))).toMatchObject({ status: 500, detail: 'internal error' });
    });

    it.each([
      ['GET', '/v2/users', undefined, 404, 'UNKNOWN_PATH'],
      ['GET', '/v1/users/1/', undefined, 404, 'UNKNOWN_PATH'],
      ['OPTIONS', '/v2/users', undefined, 404, 'UNKNOWN_PATH'],
      ['GET', '/v1/users/%', undefined, 400, 'MALFORMED_PATH'],
      ['GET', '/v1/users/%ff', undefined, 400, 'MALFORMED_PATH'],
      ['GET', '/v1/users?page_size=many', undefined, 400, 'INVALID_PARAMETER'],
      ['GET', '/v1/users?nope=1', undefined, 400, 'INVALID_PARAMETER'],
      ['POST', '/v1/users?name=x', '{}', 400, 'INVALID_PARAMETER'],
      ['POST', '/v1/users', '{"email":', 400, 'MALFORMED_JSON'],
      ['POST', '/v1/users', '{"nope":1}', 400, 'INVALID_BODY'],
      ['POST', '/v1/users', '{"email":1}', 400, 'INVALID_BODY'],
      ['POST', '/v1/users', '[]', 400, 'INVALID_BODY'],
      ['POST', '/v1/users', 'null', 400, 'INVALID_BODY'],
      ['DELETE', '/v1/users/1', '{}', 400, 'UNEXPECTED_BODY'],
      ['POST', '/v1/users', `{"name":"${'x'.repeat(3000)}"}`, 413, 'BODY_TOO_LARGE'],
    ])('%s %s (%s) is %i %s', async (method, path, body, status, reason) => {
      const problem = await problemOf(await get(path, body === undefined ? { method } : send(method, body)));
      expect(problem).toMatchObject({ status, reason });
    });

    it('says where the body is wrong', async () => {
      const problem = await problemOf(await get('/v1/users/1', send('PATCH', { name: 5, createTime: 'x' })));
      expect(problem.violations).toEqual([
        { field: 'user.name', description: 'expected string, got 5' },
        { field: 'user.createTime', description: 'invalid RFC 3339 string' },
      ]);
    });

    it.each([
      ['PUT', '/v1/users/1', 'DELETE, GET, HEAD, PATCH'],
      ['PURGE', '/v1/users', 'GET, HEAD, POST'],
      ['GET', '/v1/orders/1:confirm', 'POST'],
      ['OPTIONS', '/v1/users', 'GET, HEAD, POST'],
    ])('%s %s is 405 and allows %s', async (method, path, allow) => {
      const response = await get(path, { method });
      expect(response.headers.get('allow')).toBe(allow);
      expect(await problemOf(response)).toMatchObject({
        status: 405,
        title: 'Method Not Allowed',
        reason: 'METHOD_NOT_ALLOWED',
      });
    });

    it.each<Record<string, string>>([
      { 'content-type': 'text/plain' },
      { 'content-type': 'application/x-www-form-urlencoded' },
      { 'content-type': 'application/json; charset=latin1' },
      { 'content-type': 'application/json', 'content-encoding': 'gzip' },
    ])('a body with %o is 415', async (headers) => {
      expect(await problemOf(await get('/v1/users', send('POST', '{}', headers)))).toMatchObject({ status: 415 });
    });

    it('takes no body as an empty one', async () => {
      expect((await get('/v1/users', { method: 'POST' })).status).toBe(201);
      expect(received.get('CreateUser')?.request).toEqual({});
    });

    it('refuses a body of unknown length once it is too long', async () => {
      const status = await new Promise<number | undefined>((resolve, reject) => {
        const headers = { 'content-type': 'application/json', 'transfer-encoding': 'chunked' };
        const request = rawRequest(`${gateway.url}/v1/users`, { method: 'POST', headers }, ({ statusCode }) =>
          resolve(statusCode),
        );
        request.once('error', reject);
        request.end(`{"name":"${'x'.repeat(5000)}"}`);
      });
      expect(status).toBe(413);
    });

    it('takes a client that leaves in the middle of its body for no fault', async () => {
      const error = vi.spyOn(gateway.app.get(Logger), 'error');
      const { port, hostname } = new URL(gateway.url);
      const served = new Promise<ServerResponse>((resolve) =>
        gateway.app.getHttpServer().once('request', (_request: unknown, response: ServerResponse) => resolve(response)),
      );
      const socket = connect(Number(port), hostname);
      socket.write(
        'POST /v1/users HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{',
      );
      const response = await served;
      const over = new Promise((resolve) => response.once('close', resolve));
      socket.destroy();
      await over;
      await vi.waitFor(async () => expect(await (await get('/metrics')).text()).toContain('status="499"'));
      expect(error).not.toHaveBeenCalled();
    });

    it.each([
      ['headers that are too large', `GET /v1/users HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`, 431],
      ['what is no HTTP', 'hello\r\n\r\n', 400],
    ])('answers %s with a problem', async (_, text, status) => {
      const { port, hostname } = new URL(gateway.url);
      const answer = await new Promise<string>((resolve, reject) => {
        const socket = connect(Number(port), hostname, () => socket.write(text));
        let received = '';
        socket.on('data', (chunk) => (received += chunk.toString()));
        socket.once('close', () => resolve(received));
        socket.once('error', reject);
      });
      expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
      expect(answer).toContain('content-type: application/problem+json');
      expect(JSON.parse(answer.split('\r\n\r\n')[1] ?? '')).toMatchObject({ status });
    });

    it('names a service that is down, quickly, and no address', async () => {
      const start = performance.now();
      expect(await problemOf(await get('/v1/orders/1'))).toMatchObject({
        status: 503,
        code: 'UNAVAILABLE',
        detail: 'order-service cannot be reached right now; try again.',
      });
      expect(await problemOf(await get('/v1/orders/1:watch'))).toMatchObject({ status: 503 });
      expect(performance.now() - start).toBeLessThan(2000);
    });

    it('tells the probes which service is down', async () => {
      const states = Object.fromEntries(
        await Promise.all(
          gateway.app
            .get(DependencyRegistry)
            .all()
            .map(async ({ name, critical, check }) => [name, { critical, up: (await check()).up }] as const),
        ),
      );
      expect(states).toEqual({
        'user-service': { critical: false, up: true },
        'order-service': { critical: false, up: false },
        'notification-service': { critical: false, up: false },
      });
    });

    it('cancels the RPC when the client leaves', async () => {
      const cancelled = new Promise<void>((resolve) => {
        getUser = (call) => {
          (call as unknown as { once(event: string, listener: () => void): void }).once('cancelled', resolve);
          leave.abort();
          return new Promise(() => {});
        };
      });
      const leave = new AbortController();
      await expect(get('/v1/users/1', { signal: leave.signal })).rejects.toThrow('abort');
      await cancelled;
    });
  });

  describe('streams', () => {
    it('sends each message as an event and ends with end', async () => {
      streamUsers = (stream) => {
        stream.send(ANN);
        stream.send({ ...ANN, id: 'u2' });
        stream.end();
      };
      const response = await get('/v1/users:stream');
      expect(response.status).toBe(200);
      expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
      expect(response.headers.get('x-request-id')).toBeTruthy();
      expect(await events(response)).toEqual([
        `id: 1\ndata: ${JSON.stringify(ANN)}`,
        `id: 2\ndata: ${JSON.stringify({ ...ANN, id: 'u2' })}`,
        'event: end\ndata: {}',
      ]);
    });

    it('ends with error when the service fails later', async () => {
      streamUsers = (stream) => {
        stream.send(ANN);
        stream.fail(new Unavailable('restarting', { reason: 'RESTART' }));
      };
      const all = await events(await get('/v1/users:stream'));
      expect(all).toHaveLength(2);
      expect(all[1]).toMatch(/^event: error\ndata: /);
      expect(JSON.parse(all[1]?.split('data: ')[1] ?? '')).toMatchObject({
        status: 503,
        reason: 'RESTART',
        instance: '/v1/users:stream',
      });
    });

    it('is a plain problem when the service fails before any message', async () => {
      streamUsers = (stream) => stream.fail(new NotFound('no users'));
      expect(await problemOf(await get('/v1/users:stream'))).toMatchObject({ status: 404, detail: 'no users' });
      streamUsers = (stream) => {
        stream.sendMetadata();
        stream.fail(new InvalidArgument('no'));
      };
      expect(await problemOf(await get('/v1/users:stream'))).toMatchObject({ status: 400 });
    });

    it('opens without a message once the service has accepted', async () => {
      const streams: OutgoingStream[] = [];
      streamUsers = (stream) => {
        streams.push(stream);
        stream.sendMetadata();
      };
      const response = await get('/v1/users:stream');
      expect(response.status).toBe(200);
      streams[0]?.end();
      expect(await events(response)).toEqual(['event: end\ndata: {}']);
    });

    it('cancels the RPC when the client leaves', async () => {
      const streams: OutgoingStream[] = [];
      streamUsers = (stream) => {
        streams.push(stream);
        stream.send(ANN);
      };
      const leave = new AbortController();
      const response = await get('/v1/users:stream', { signal: leave.signal });
      expect(await events(response, 1)).toHaveLength(1);
      leave.abort();
      await streams[0]?.cancelled;
    });

    it('answers HEAD with the head and cancels', async () => {
      const streams: OutgoingStream[] = [];
      streamUsers = (stream) => {
        streams.push(stream);
        stream.send(ANN);
      };
      const response = await get('/v1/users:stream', { method: 'HEAD' });
      expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
      await streams[0]?.cancelled;
    });

    it('does not pull a stream that the client does not read', async () => {
      const message = { ...ANN, name: 'x'.repeat(10_000) };
      let sent = 0;
      streamUsers = async (stream) => {
        let left = false;
        void stream.cancelled.then(() => (left = true));
        for (; !left; sent++) if (!stream.send(message)) await stream.drained();
      };
      const leave = new AbortController();
      await get('/v1/users:stream', { signal: leave.signal });
      let before = -1;
      const standsStill = () => {
        const grown = sent - before;
        before = sent;
        expect(grown).toBe(0);
      };
      await vi.waitFor(standsStill, { interval: 200, timeout: 4000 });
      // Twenty megabytes fit into the buffers of the sockets at most.
      expect(sent).toBeLessThan(2500);
      leave.abort();
    });
  });

  describe('documentation', () => {
    it('is served from here, under a policy that forbids everything else', async () => {
      const home = await get('/', { redirect: 'manual' });
      expect([home.status, home.headers.get('location')]).toEqual([302, '/docs']);
      const page = await get('/docs');
      expect(page.headers.get('content-security-policy')).toContain("script-src 'self'");
      // Without TLS in front it would break the page.
      expect(page.headers.get('content-security-policy')).not.toContain('upgrade-insecure-requests');
      const addresses = [...(await page.text()).matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1] ?? '');
      expect(addresses).toHaveLength(4);
      for (const address of addresses) {
        const asset = await fetch(new URL(address, `${gateway.url}/docs`));
        expect([address, asset.status]).toEqual([address, 200]);
      }
      expect(await problemOf(await get('/docs/package.json'))).toMatchObject({ status: 404 });
      expect(await (await get('/openapi.json')).json()).toMatchObject({ openapi: '3.1.0' });
    });
  });
});
