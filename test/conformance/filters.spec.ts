import { type ArgumentsHost, Catch, type ExceptionFilter } from '@nestjs/common';
import { Metadata } from '@grpc/grpc-js';
import { RpcException } from '@nestjs/microservices';
import { Aborted, Code, InvalidArgument, NotFound, Unavailable } from '@rookery/errors';
import { type Observable, of, throwError } from 'rxjs';
import { afterEach, describe, expect, it } from 'vitest';
import { KINDS, type Reply, reply } from './conformance-service.js';
import { KINDS_AND_STYLES, STYLES, failing } from './handler-styles.js';
import { LEVELS, echoing, startEnhanced } from './start-enhanced.js';
import { type StartedServer } from './start-server.js';

let started: StartedServer;
afterEach(() => started.close());

@Catch(NotFound)
class NotFoundToUnavailable implements ExceptionFilter {
  catch(error: NotFound): Observable<never> {
    return throwError(() => new Unavailable(`filtered: ${error.message}`, { reason: 'FILTERED' }));
  }
}

/** Catches everything and says who it was. */
function naming(name: string): ExceptionFilter {
  @Catch()
  class NamingFilter implements ExceptionFilter {
    catch(): Observable<never> {
      return throwError(() => new Aborted(name));
    }
  }
  return new NamingFilter();
}

describe.each(KINDS)('%s', (kind) => {
  it.each(LEVELS)('is answered with what a filter of level %s makes of an error', async (at) => {
    started = await startEnhanced(failing(new NotFound('gone')), [{ at, filter: new NotFoundToUnavailable() }]);
    expect(await started.client.call(kind)).toMatchObject({
      code: 'UNAVAILABLE',
      message: 'filtered: gone',
      details: { ErrorInfo: { reason: 'FILTERED' } },
    });
  });

  it('asks a filter only for what it catches, and subclasses of it', async () => {
    class UserNotFound extends NotFound {}
    started = await startEnhanced(failing(new InvalidArgument('bad')), [
      { at: 'method', filter: NotFoundToUnavailable },
    ]);
    expect(await started.client.call(kind)).toMatchObject({ code: 'INVALID_ARGUMENT', message: 'bad' });
    await started.close();
    started = await startEnhanced(failing(new UserNotFound('gone')), [{ at: 'method', filter: NotFoundToUnavailable }]);
    expect(await started.client.call(kind)).toMatchObject({ code: 'UNAVAILABLE' });
  });

  it('asks the filter of the method first, then the controller’s, then the global one', async () => {
    const all = [
      { at: 'global', filter: naming('global') },
      { at: 'controller', filter: naming('controller') },
      { at: 'method', filter: naming('method') },
    ] as const;
    for (const [count, expected] of [
      [3, 'method'],
      [2, 'controller'],
      [1, 'global'],
    ] as const) {
      started = await startEnhanced(failing(new NotFound('gone')), all.slice(0, count));
      expect((await started.client.call(kind)).message).toBe(expected);
      await started.close();
    }
  });

  it('sends what a filter throws, and what it makes an RpcException of', async () => {
    @Catch()
    class Throwing implements ExceptionFilter {
      catch(): never {
        throw new Unavailable('thrown by the filter');
      }
    }
    started = await startEnhanced(failing(new Error('x')), [{ at: 'method', filter: new Throwing() }]);
    expect(await started.client.call(kind)).toMatchObject({ code: 'UNAVAILABLE', message: 'thrown by the filter' });
    await started.close();
    @Catch()
    class Wrapping implements ExceptionFilter {
      catch(): Observable<never> {
        return throwError(() => new RpcException({ code: Code.OUT_OF_RANGE, message: 'wrapped' }));
      }
    }
    started = await startEnhanced(failing(new Error('x')), [{ at: 'method', filter: new Wrapping() }]);
    expect(await started.client.call(kind)).toMatchObject({ code: 'OUT_OF_RANGE', message: 'wrapped' });
  });

  it('shows a filter the call', async () => {
    let seen: unknown[] = [];
    @Catch()
    class Looking implements ExceptionFilter {
      catch(error: unknown, host: ArgumentsHost): Observable<never> {
        seen = [host.getType(), host.switchToRpc().getContext<Metadata>().get('x-key')[0]];
        return throwError(() => error);
      }
    }
    started = await startEnhanced(failing(new NotFound('gone')), [{ at: 'controller', filter: new Looking() }]);
    const metadata = new Metadata();
    metadata.set('x-key', 'value');
    expect(await started.client.call(kind, { id: 'x' }, { metadata })).toMatchObject({ code: 'NOT_FOUND' });
    expect(seen).toEqual(['rpc', 'value']);
  });

  it.each([
    { where: 'a guard', enhancer: { guard: { canActivate: () => Promise.reject(new NotFound('there')) } } },
    { where: 'a pipe', enhancer: { pipe: { transform: () => Promise.reject(new NotFound('there')) } } },
    {
      where: 'an interceptor',
      enhancer: { interceptor: { intercept: () => throwError(() => new NotFound('there')) } },
    },
  ])('filters what $where throws', async ({ enhancer }) => {
    started = await startEnhanced(echoing(), [
      { at: 'method', ...enhancer },
      { at: 'controller', filter: new NotFoundToUnavailable() },
    ]);
    expect(await started.client.call(kind)).toMatchObject({ code: 'UNAVAILABLE', message: 'filtered: there' });
  });

  it('filters a refused request', async () => {
    @Catch(InvalidArgument)
    class Refusals implements ExceptionFilter {
      catch({ violations }: InvalidArgument): Observable<never> {
        return throwError(() => new Aborted(violations.map(({ field }) => field).join()));
      }
    }
    started = await startEnhanced(echoing(), [{ at: 'controller', filter: new Refusals() }]);
    expect(await started.client.call(kind, {})).toMatchObject({ code: 'ABORTED', message: 'id' });
  });
});

/** A filter that answers in place of the handler. */
function replacing(result: () => unknown): ExceptionFilter {
  @Catch()
  class Replacing implements ExceptionFilter {
    catch(): unknown {
      return result();
    }
  }
  return new Replacing();
}

it.each(KINDS_AND_STYLES)(
  '$kind, written as $style, is answered by the Observable of a filter',
  async ({ kind, write }) => {
    const thrown = () => write({ replies: [], throws: { value: new NotFound('gone') } });
    started = await startEnhanced({ [kind]: thrown }, [
      { at: 'method', filter: replacing(() => of(reply('instead'))) },
    ]);
    expect(await started.client.call(kind)).toMatchObject({ code: 'OK', replies: [reply('instead')] });
  },
);

it.each(['unary', 'clientStream'] as const)('%s is answered by the value of a filter', async (kind) => {
  for (const filter of [replacing(() => reply('value')), replacing(async () => reply('value'))]) {
    started = await startEnhanced(failing(new NotFound('gone')), [{ at: 'method', filter }]);
    expect(await started.client.call(kind)).toMatchObject({ code: 'OK', replies: [reply('value')] });
    await started.close();
  }
});

it.each(KINDS_AND_STYLES)('$kind, written as $style, fails with what a filter makes of it', async ({ kind, write }) => {
  const thrown = () => write({ replies: [], throws: { value: new NotFound('gone') } });
  started = await startEnhanced({ [kind]: thrown }, [{ at: 'method', filter: new NotFoundToUnavailable() }]);
  expect(await started.client.call(kind)).toMatchObject({ code: 'UNAVAILABLE', message: 'filtered: gone' });
});

describe.each(['serverStream', 'bidi'] as const)('%s', (kind) => {
  it.each(Object.entries(STYLES[kind]))('is filtered in the middle, written as %s', async (_, write) => {
    const replies: Reply[] = [reply('a', 1), reply('a', 2)];
    const thrown = () => write({ replies, throws: { value: new NotFound('lost') } });
    started = await startEnhanced({ [kind]: thrown }, [{ at: 'controller', filter: new NotFoundToUnavailable() }]);
    expect(await started.client.call(kind)).toMatchObject({ code: 'UNAVAILABLE', message: 'filtered: lost', replies });
    await started.close();
    started = await startEnhanced({ [kind]: thrown }, [
      { at: 'controller', filter: replacing(() => of(reply('instead', 3))) },
    ]);
    const answer = { code: 'OK', replies: [...replies, reply('instead', 3)] };
    expect(await started.client.call(kind)).toMatchObject(answer);
  });
});
