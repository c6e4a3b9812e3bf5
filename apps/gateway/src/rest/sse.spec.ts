import { PassThrough } from 'node:stream';
import { NotFound, type RookeryError, Unavailable } from '@rookery/errors';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type MessageSource, SSE_TIMING, SseStream } from './sse.js';

/** A call whose other end the spec holds. */
function callOf(connected = true) {
  const cancel = vi.fn();
  const source: MessageSource & PassThrough = Object.assign(new PassThrough({ objectMode: true }), { cancel });
  const state = { connected };
  const stream = new SseStream<string, RookeryError>(source, {
    encode: (message) => {
      if (message === 'unencodable') throw new NotFound('no JSON');
      return JSON.stringify(message);
    },
    translate: (error) => error,
    describe: (error) => JSON.stringify({ detail: (error as Error).message }),
    connected: () => state.connected,
  });
  let opened = 'waiting';
  stream.opened.then(
    () => (opened = 'open'),
    (error: Error) => (opened = error.message),
  );
  return { source, stream, cancel, state, opened: () => opened };
}

async function textOf(stream: SseStream<string, RookeryError>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

describe('SseStream', () => {
  it('numbers the messages and ends with end', async () => {
    const { source, stream } = callOf();
    source.write('a');
    source.end('b');
    expect(await textOf(stream)).toBe(': open\n\nid: 1\ndata: "a"\n\nid: 2\ndata: "b"\n\nevent: end\ndata: {}\n\n');
  });

  it('ends with error after a message, and sends what came before it', async () => {
    const { source, stream } = callOf();
    source.write('a');
    source.write('b');
    source.emit('error', new Unavailable('gone'));
    source.end();
    expect(await textOf(stream)).toMatch(/"a"\n\nid: 2\ndata: "b"\n\nevent: error\ndata: \{"detail":"gone"\}\n\n$/);
  });

  it('rejects instead of opening when the error comes first', async () => {
    const { source, stream } = callOf();
    source.emit('error', new NotFound('no such order'));
    await expect(stream.opened).rejects.toThrow('no such order');
    expect(stream.destroyed).toBe(true);
  });

  it('turns a message without a JSON form into an error and cancels', async () => {
    const { source, stream, cancel } = callOf();
    source.write('a');
    source.write('unencodable');
    expect(await textOf(stream)).toContain('event: error\ndata: {"detail":"no JSON"}');
    expect(cancel).toHaveBeenCalled();
  });

  it('cancels the call when the client is gone', async () => {
    const { source, stream, cancel } = callOf();
    source.write('a');
    await stream.opened;
    stream.destroy();
    await vi.waitFor(() => expect(cancel).toHaveBeenCalledOnce());
  });

  it('pauses the call while the client does not read', async () => {
    const { source, stream } = callOf();
    const line = 'x'.repeat(1000);
    for (let index = 0; index < 100; index++) source.write(line);
    source.end();
    await stream.opened;
    await vi.waitFor(() => expect(source.isPaused()).toBe(true));
    expect(stream.readableLength).toBeLessThan(stream.readableHighWaterMark + 2000);
    expect((await textOf(stream)).match(/^data: "x/gm)).toHaveLength(100);
  });

  it('is ended by the gateway with an error of its own', async () => {
    const { source, stream, cancel } = callOf();
    source.write('a');
    await stream.opened;
    stream.fail(new Unavailable('shutting down'));
    expect(await textOf(stream)).toMatch(/event: error\ndata: \{"detail":"shutting down"\}\n\n$/);
    expect(cancel).toHaveBeenCalled();
  });

  describe('in time', () => {
    beforeEach(() => void vi.useFakeTimers());
    afterEach(() => void vi.useRealTimers());

    it('opens shortly after response metadata, unless an error follows', async () => {
      const quiet = callOf();
      quiet.source.emit('metadata');
      await vi.advanceTimersByTimeAsync(SSE_TIMING.grace - 1);
      expect(quiet.opened()).toBe('waiting');
      await vi.advanceTimersByTimeAsync(1);
      expect(quiet.opened()).toBe('open');

      const failing = callOf();
      failing.source.emit('metadata');
      await vi.advanceTimersByTimeAsync(SSE_TIMING.grace - 1);
      failing.source.emit('error', new NotFound('none'));
      await vi.advanceTimersByTimeAsync(0);
      expect(failing.opened()).toBe('none');
    });

    it('opens after a silence of a connected service only', async () => {
      const { state, opened } = callOf(false);
      await vi.advanceTimersByTimeAsync(SSE_TIMING.silence * 3);
      expect(opened()).toBe('waiting');
      state.connected = true;
      await vi.advanceTimersByTimeAsync(SSE_TIMING.silence);
      expect(opened()).toBe('open');
    });

    it('sends a comment in every silent while', async () => {
      const { source, stream } = callOf();
      source.write('a');
      await vi.advanceTimersByTimeAsync(0);
      const chunks: string[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk.toString()));
      await vi.advanceTimersByTimeAsync(SSE_TIMING.heartbeat * 2);
      expect(chunks.filter((chunk) => chunk === ': keep-alive\n\n')).toHaveLength(2);
      stream.destroy();
      expect(vi.getTimerCount()).toBe(0);
    });
  });
});
