import { EventEmitter } from 'node:events';
import { Unavailable } from '@rookery/errors';
import { describe, expect, it, vi } from 'vitest';
import { OpenStreams } from './open-streams.js';

const streamOf = () => Object.assign(new EventEmitter(), { fail: vi.fn() });
const error = new Unavailable('stopping');

describe('OpenStreams', () => {
  it('ends the streams that run, those that are over not', () => {
    const streams = new OpenStreams();
    const [running, over] = [streamOf(), streamOf()];
    streams.add(running);
    streams.add(over);
    over.emit('close');
    streams.close(() => error);
    expect(running.fail).toHaveBeenCalledExactlyOnceWith(error);
    expect(over.fail).not.toHaveBeenCalled();
  });

  it('ends a stream that comes too late', () => {
    const streams = new OpenStreams();
    streams.close(() => error);
    const late = streamOf();
    streams.add(late);
    expect(late.fail).toHaveBeenCalledExactlyOnceWith(error);
  });
});
