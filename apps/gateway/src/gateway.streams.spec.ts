import { InvalidArgument, NotFound, Unavailable } from '@rookery/errors';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { ANN, events, problemOf } from './gateway.fixture.js';
import type { OutgoingStream } from './grpc/upstream.fixture.js';
import { type UsersGateway, startUsersGateway } from './users-gateway.fixture.js';

let gateway: UsersGateway;
beforeAll(async () => (gateway = await startUsersGateway()));
afterEach(() => gateway.reset());
afterAll(() => gateway.close());

describe('the streams of the gateway', () => {
  it('sends each message as an event and ends with end', async () => {
    gateway.streamUsers = (stream) => {
      stream.send(ANN);
      stream.send({ ...ANN, id: 'u2' });
      stream.end();
    };
    const response = await gateway.get('/v1/users:stream');
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
    gateway.streamUsers = (stream) => {
      stream.send(ANN);
      stream.fail(new Unavailable('restarting', { reason: 'RESTART' }));
    };
    const all = await events(await gateway.get('/v1/users:stream'));
    expect(all).toHaveLength(2);
    expect(all[1]).toMatch(/^event: error\ndata: /);
    expect(JSON.parse(all[1]?.split('data: ')[1] ?? '')).toMatchObject({
      status: 503,
      reason: 'RESTART',
      instance: '/v1/users:stream',
    });
  });

  it('is a plain problem when the service fails before any message', async () => {
    gateway.streamUsers = (stream) => stream.fail(new NotFound('no users'));
    expect(await problemOf(await gateway.get('/v1/users:stream'))).toMatchObject({ status: 404, detail: 'no users' });
    gateway.streamUsers = (stream) => {
      stream.sendMetadata();
      stream.fail(new InvalidArgument('no'));
    };
    expect(await problemOf(await gateway.get('/v1/users:stream'))).toMatchObject({ status: 400 });
  });

  it('opens without a message once the service has accepted', async () => {
    const streams: OutgoingStream[] = [];
    gateway.streamUsers = (stream) => {
      streams.push(stream);
      stream.sendMetadata();
    };
    const response = await gateway.get('/v1/users:stream');
    expect(response.status).toBe(200);
    streams[0]?.end();
    expect(await events(response)).toEqual(['event: end\ndata: {}']);
  });

  it('cancels the RPC when the client leaves', async () => {
    const streams: OutgoingStream[] = [];
    gateway.streamUsers = (stream) => {
      streams.push(stream);
      stream.send(ANN);
    };
    const leave = new AbortController();
    const response = await gateway.get('/v1/users:stream', { signal: leave.signal });
    expect(await events(response, 1)).toHaveLength(1);
    leave.abort();
    await streams[0]?.cancelled;
  });

  it('answers HEAD with the head and cancels', async () => {
    const streams: OutgoingStream[] = [];
    gateway.streamUsers = (stream) => {
      streams.push(stream);
      stream.send(ANN);
    };
    const response = await gateway.get('/v1/users:stream', { method: 'HEAD' });
    expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
    await streams[0]?.cancelled;
  });

  it('does not pull a stream that the client does not read', async () => {
    const message = { ...ANN, name: 'x'.repeat(10_000) };
    let sent = 0;
    gateway.streamUsers = async (stream) => {
      let left = false;
      void stream.cancelled.then(() => (left = true));
      for (; !left; sent++) if (!stream.send(message)) await stream.drained();
    };
    const leave = new AbortController();
    await gateway.get('/v1/users:stream', { signal: leave.signal });
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
