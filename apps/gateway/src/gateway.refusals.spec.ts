import { type ServerResponse, request as rawRequest } from 'node:http';
import { connect } from 'node:net';
import { Logger } from '@rookery/observability';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { problemOf, send } from './gateway.fixture.js';
import { type UsersGateway, startUsersGateway } from './users-gateway.fixture.js';

let gateway: UsersGateway;
beforeAll(async () => (gateway = await startUsersGateway()));
afterEach(() => gateway.reset());
afterAll(() => gateway.close());

describe('the refusals of the gateway', () => {
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
    const problem = await problemOf(await gateway.get(path, body === undefined ? { method } : send(method, body)));
    expect(problem).toMatchObject({ status, reason });
  });

  it('says where the body is wrong', async () => {
    const problem = await problemOf(await gateway.get('/v1/users/1', send('PATCH', { name: 5, createTime: 'x' })));
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
    const response = await gateway.get(path, { method });
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
    expect(await problemOf(await gateway.get('/v1/users', send('POST', '{}', headers)))).toMatchObject({ status: 415 });
  });

  it('takes no body as an empty one', async () => {
    expect((await gateway.get('/v1/users', { method: 'POST' })).status).toBe(201);
    expect(gateway.received.get('CreateUser')?.request).toEqual({});
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

  it.each([
    ['of a length that is told', 'content-length: 5000', '', ''],
    ['of unknown length', 'transfer-encoding: chunked', '1388\r\n', '\r\n0\r\n\r\n'],
  ])(
    'goes on reading a body %s that it refused: who still sends must get the answer',
    async (_, framing, head, end) => {
      const { port, hostname } = new URL(gateway.url);
      const socket = connect(Number(port), hostname);
      let received = '';
      const closed = new Promise<void>((resolve, reject) =>
        socket.once('close', () => resolve()).once('error', reject),
      );
      const answered = () =>
        vi.waitFor(() => expect(received.match(/HTTP\/1\.1 \d+/g)).toHaveLength(1), { interval: 5 });
      socket.on('data', (chunk) => (received += chunk.toString()));
      socket.write(`POST /v1/users HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n${framing}\r\n\r\n`);
      socket.write(`${head}${'x'.repeat(3000)}`);
      await answered();
      for (let rest = 2000; rest > 0; rest -= 500) socket.write('x'.repeat(500));
      socket.write(`${end}GET /v1/nothing HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`);
      await closed;
      expect(received.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 413', 'HTTP/1.1 404']);
    },
  );

  it('takes a client that leaves in the middle of its body for no fault', async () => {
    const error = vi.spyOn(gateway.app.get(Logger), 'error');
    const { port, hostname } = new URL(gateway.url);
    const served = new Promise<ServerResponse>((resolve) =>
      gateway.app.getHttpServer().once('request', (_request: unknown, response: ServerResponse) => resolve(response)),
    );
    const socket = connect(Number(port), hostname);
    socket.write('POST /v1/users HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{');
    const response = await served;
    const over = new Promise((resolve) => response.once('close', resolve));
    socket.destroy();
    await over;
    await vi.waitFor(async () => expect(await (await gateway.get('/metrics')).text()).toContain('status="499"'));
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
});
