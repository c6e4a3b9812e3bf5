import { once } from 'node:events';
import { type Socket, connect } from 'node:net';
import { ConfigError, Environment } from '@rookery/config';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { buildDescriptors } from './descriptors/build-descriptors.fixture.js';
import { protoOf } from './descriptors/library.fixture.js';
import { type Gateway, createGateway } from './gateway.js';
import { ANN, PLATFORM, QUIET, events, problemOf, start } from './gateway.fixture.js';
import { type FakeService, type OutgoingStream, type ReceivedCall, serveFake } from './grpc/upstream.fixture.js';

// Descriptors are built by a compiler of their own, beside other tests.
vi.setConfig({ testTimeout: 20_000 });

describe('the life of a gateway', () => {
  const running: Gateway[] = [];
  const services: FakeService[] = [];
  async function own(variables: Record<string, string> = {}, descriptors?: Uint8Array) {
    const gateway = await start(variables, descriptors);
    running.push(gateway);
    return gateway;
  }
  async function ownService(...parameters: Parameters<typeof serveFake>): Promise<FakeService> {
    const service = await serveFake(...parameters);
    services.push(service);
    return service;
  }
  afterEach(async () => {
    await Promise.all(running.splice(0).map((gateway) => gateway.close()));
    for (const service of services.splice(0)) service.stop();
  });

  it('serves a method that appears in a proto, without any change', async () => {
    const greet = 'rpc Greet(Thing) returns (Thing) { option (google.api.http) = {get: "/v1/things/{id}:greet"}; }';
    const known = 'rpc Get(Thing) returns (Thing) { option (google.api.http) = {get: "/v1/things/{id}"}; }';
    const build = (rpcs: string) => buildDescriptors({ 'thing/v1/thing.proto': protoOf(rpcs) });
    const service = await ownService(build(known + greet), 'thing.v1.ThingService', {
      Greet: ({ request }: ReceivedCall) => ({ id: `hello ${String(request.id)}` }),
    });
    const variables = { THING_SERVICE_URL: service.target };

    const before = await own(variables, build(known));
    const after = await own(variables, build(known + greet));
    const paths = async ({ url }: Gateway) =>
      Object.keys(((await (await fetch(`${url}/openapi.json`)).json()) as { paths: object }).paths);
    expect(await paths(before)).toEqual(['/v1/things/{id}']);
    expect(await paths(after)).toEqual(['/v1/things/{id}', '/v1/things/{id}:greet']);
    expect(await (await fetch(`${after.url}/v1/things/Ann:greet`)).json()).toEqual({ id: 'hello Ann' });
  });

  it('answers 504 when a service is too slow', async () => {
    const service = await ownService(PLATFORM, 'user.v1.UserService', { GetUser: () => new Promise(() => {}) });
    const { url } = await own({ USER_SERVICE_URL: service.target, GATEWAY_TIMEOUT: '200ms' });
    expect(await problemOf(await fetch(`${url}/v1/users/1`))).toMatchObject({
      status: 504,
      detail: 'user-service did not answer within 200 ms.',
    });
  });

  it('finds a service again that comes back', async () => {
    const first = await ownService(PLATFORM, 'user.v1.UserService', { GetUser: () => ANN });
    const { url } = await own({ USER_SERVICE_URL: first.target });
    expect((await fetch(`${url}/v1/users/1`)).status).toBe(200);
    first.stop();
    await vi.waitFor(async () => expect((await fetch(`${url}/v1/users/1`)).status).toBe(503), { timeout: 5000 });
    await ownService(PLATFORM, 'user.v1.UserService', { GetUser: () => ANN }, first.target);
    await vi.waitFor(async () => expect((await fetch(`${url}/v1/users/1`)).status).toBe(200), { timeout: 5000 });
  });

  it('has requests wait for a moment while a service is replaced', async () => {
    const handlers = {
      GetUser: () => ANN,
      StreamUsers: (stream: OutgoingStream) => {
        stream.send(ANN);
        stream.end();
      },
    };
    const old = await ownService(PLATFORM, 'user.v1.UserService', handlers);
    const { url } = await own({ USER_SERVICE_URL: old.target });
    expect((await fetch(`${url}/v1/users/1`)).status).toBe(200);
    await old.drain();
    const requests = [fetch(`${url}/v1/users/1`), fetch(`${url}/v1/users:stream`)];
    await ownService(PLATFORM, 'user.v1.UserService', handlers, old.target);
    expect((await Promise.all(requests)).map(({ status }) => status)).toEqual([200, 200]);
  });

  it('stops gracefully: what runs finishes, streams are told, nothing new is let in', async () => {
    let reply: (user: object) => void = () => {};
    const service = await ownService(PLATFORM, 'user.v1.UserService', {
      GetUser: () => new Promise((resolve) => (reply = resolve as typeof reply)),
      StreamUsers: (stream: OutgoingStream) => void stream.send(ANN),
    });
    const gateway = await start({ USER_SERVICE_URL: service.target });
    const stream = await fetch(`${gateway.url}/v1/users:stream`);
    const slow = fetch(`${gateway.url}/v1/users/1`);
    await vi.waitFor(() => expect(reply.name).not.toBe('reply'));
    const closed = gateway.close();
    const last = (await events(stream)).at(-1) ?? '';
    expect(last).toMatch(/^event: error\n/);
    expect(last).toContain('"reason":"SHUTTING_DOWN"');
    await expect(fetch(`${gateway.url}/v1/users/2`)).rejects.toThrow('fetch failed');
    reply(ANN);
    expect((await slow).headers.get('connection')).toBe('close');
    expect(await (await slow).json()).toEqual(ANN);
    await closed;
  });

  it('serves on while it drains, and lets go of each connection that is used', async () => {
    const service = await ownService(PLATFORM, 'user.v1.UserService', { GetUser: () => ANN });
    const gateway = await start({ USER_SERVICE_URL: service.target, SHUTDOWN_DRAIN: '500ms' });
    const get = async () => {
      const answer = await fetch(`${gateway.url}/v1/users/1`);
      await answer.text();
      return { status: answer.status, connection: answer.headers.get('connection') };
    };
    expect(await get()).toEqual({ status: 200, connection: 'keep-alive' });
    const closed = gateway.close();
    expect(await get()).toEqual({ status: 200, connection: 'close' });
    await closed;
  });

  it('has clients leave the connections that they do not use before it would close them', async () => {
    const service = await ownService(PLATFORM, 'user.v1.UserService', { GetUser: () => ANN });
    const gateway = await start({ USER_SERVICE_URL: service.target, SHUTDOWN_DRAIN: '5s' });
    let opened = 0;
    let left = 0;
    gateway.app.getHttpServer().on('connection', (socket: Socket) => {
      opened += 1;
      socket.once('end', () => (left += 1));
    });
    const get = async () => (await fetch(`${gateway.url}/v1/users/1`)).text();
    await Promise.all(Array.from({ length: 8 }, get));
    await gateway.close();
    expect(opened).toBe(8);
    expect(left).toBe(8);
  });

  it('does not wait for a connection on which nothing was asked, such as browsers open ahead', async () => {
    const gateway = await start({ USER_SERVICE_URL: '127.0.0.1:1' });
    const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1').on('error', () => undefined);
    await once(socket, 'connect');
    await (await fetch(`${gateway.url}/health/live`)).text();
    const begun = performance.now();
    await gateway.close();
    expect(performance.now() - begun).toBeLessThan(1_000);
    socket.destroy();
  });

  it('can be cut off while it waits for a slow service', async () => {
    const service = await ownService(PLATFORM, 'user.v1.UserService', {
      GetUser: () => {
        asked();
        return new Promise(() => {});
      },
    });
    let asked = () => {};
    const called = new Promise<void>((resolve) => (asked = resolve));
    const gateway = await start({ USER_SERVICE_URL: service.target });
    const cut = fetch(`${gateway.url}/v1/users/1`).catch((error: Error) => error.message);
    await called;
    const closed = gateway.close();
    gateway.forceClose();
    expect(await cut).toBe('fetch failed');
    await closed;
  });

  it('rejects when its port is taken', async () => {
    const { url } = await own();
    await expect(start({ HTTP_PORT: new URL(url).port })).rejects.toThrow(
      `gateway: port ${new URL(url).port} (REST) is taken`,
    );
  });

  it('does not start with a wrong variable, or without a target', async () => {
    const variables = { ...QUIET, USER_SERVICE_URL: 'http://x', ORDER_SERVICE_URL: 'y', GATEWAY_TIMEOUT: 'soon' };
    const wrong = createGateway({ environment: new Environment(variables) });
    await expect(wrong).rejects.toThrow(ConfigError);
    await expect(wrong).rejects.toThrow('3 problems');
    await expect(wrong).rejects.toThrow('USER_SERVICE_URL: got "http://x"');
  });

  it('answers CORS for the origins it is told, and for no other', async () => {
    const preflight = (url: string, origin: string) =>
      fetch(`${url}/v1/users`, { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'POST' } });
    const { url } = await own({
      CORS_ORIGINS: 'https://app.example.com,https://b.example.com',
      USER_SERVICE_URL: '127.0.0.1:1',
    });
    const allowed = await preflight(url, 'https://app.example.com');
    expect(allowed.status).toBe(204);
    expect(allowed.headers.get('access-control-allow-origin')).toBe('https://app.example.com');
    expect((await preflight(url, 'https://evil.example.com')).headers.get('access-control-allow-origin')).toBeNull();
    const refused = await fetch(`${url}/v1/users/1`, { headers: { origin: 'https://app.example.com' } });
    expect(refused.status).toBe(503);
    expect(refused.headers.get('access-control-allow-origin')).toBe('https://app.example.com');
  });

  it('serves no documentation in production', async () => {
    const { url } = await own({ NODE_ENV: 'production', HTTP_HOST: '127.0.0.1', SHUTDOWN_DRAIN: '0s' });
    expect(await problemOf(await fetch(`${url}/docs`))).toMatchObject({ status: 404 });
    expect(await problemOf(await fetch(`${url}/openapi.json`))).toMatchObject({ status: 404 });
  });
});
