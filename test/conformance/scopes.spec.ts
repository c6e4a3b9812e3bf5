import {
  type CallHandler,
  type ExecutionContext,
  Inject,
  Injectable,
  type NestInterceptor,
  Scope,
  UseInterceptors,
} from '@nestjs/common';
import { Metadata } from '@grpc/grpc-js';
import { INQUIRER, REQUEST } from '@nestjs/core';
import { Payload } from '@nestjs/microservices';
import { GrpcController, Messages } from '@rookery/grpc';
import type { Observable } from 'rxjs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ConformanceDefinition, KINDS, type Kind, type Reply, RequestDto } from './conformance-service.js';
import { deferred } from './deferred.js';
import { type StartedServer, startServer } from './start-server.js';

const seen = { built: 0, ids: [] as number[], tokens: [] as unknown[], data: [] as unknown[] };
beforeEach(() => Object.assign(seen, { built: 0, ids: [], tokens: [], data: [] }));
let gate: Promise<void> | undefined;
let begun = () => {};

/** What Nest provides as REQUEST of an RPC. */
interface CallOfScope {
  getContext(): Metadata;
  getData(): unknown;
}

/** Made for each call, with what Nest knows of it. */
@Injectable({ scope: Scope.REQUEST })
class PerCall {
  readonly id = (seen.built += 1);
  constructor(@Inject(REQUEST) request: CallOfScope) {
    seen.tokens.push(request.getContext().get('x-token')[0]);
    seen.data.push(request.getData());
  }
}

@Injectable({ scope: Scope.TRANSIENT })
class Named {
  readonly of: string;
  constructor(@Inject(INQUIRER) inquirer: object) {
    this.of = inquirer.constructor.name;
  }
}

@Injectable()
class Notes implements NestInterceptor {
  constructor(private readonly perCall: PerCall) {}
  intercept(_: ExecutionContext, next: CallHandler): Observable<unknown> {
    seen.ids.push(this.perCall.id);
    return next.handle();
  }
}

const { acknowledge: _, ...methods } = ConformanceDefinition.methods;

@GrpcController({ ...ConformanceDefinition, methods })
@UseInterceptors(Notes)
class ScopedController {
  constructor(
    private readonly perCall: PerCall,
    private readonly named: Named,
  ) {}

  private async answer(): Promise<Partial<Reply>> {
    const number = this.perCall.id;
    begun();
    await gate;
    seen.ids.push(this.perCall.id);
    return { id: this.named.of, number };
  }
  unary(@Payload() _request: RequestDto): Promise<Partial<Reply>> {
    return this.answer();
  }
  async *serverStream(@Payload() _request: RequestDto): AsyncGenerator<Partial<Reply>> {
    yield await this.answer();
  }
  async clientStream(@Messages(RequestDto) messages: AsyncIterable<RequestDto>): Promise<Partial<Reply>> {
    for await (const _message of messages);
    return this.answer();
  }
  async *bidi(@Messages(RequestDto) messages: AsyncIterable<RequestDto>): AsyncGenerator<Partial<Reply>> {
    for await (const _message of messages) yield await this.answer();
  }
}

let started: StartedServer;
beforeAll(async () => {
  started = await startServer({ controllers: [ScopedController], providers: [PerCall, Named, Notes] });
});
afterAll(() => started.close());

const call = (kind: Kind, token = 't') => {
  const metadata = new Metadata();
  metadata.set('x-token', token);
  return started.client.call(kind, { id: 'x' }, { metadata });
};

describe.each(KINDS)('%s of a request-scoped controller', (kind) => {
  it('has one instance of a provider per call, which the enhancers share', async () => {
    expect((await call(kind)).replies[0]).toMatchObject({ number: 1 });
    expect((await call(kind)).replies[0]).toMatchObject({ number: 2 });
    expect(seen.ids).toEqual([1, 1, 2, 2]);
    expect(seen.built).toBe(2);
  });

  it('gives the provider the call’s metadata and data as REQUEST', async () => {
    await call(kind, 'mine');
    expect(seen.tokens).toEqual(['mine']);
    if (kind === 'unary' || kind === 'serverStream') expect(seen.data).toMatchObject([{ id: 'x' }]);
    else expect(Symbol.asyncIterator in (seen.data[0] as object)).toBe(true);
  });

  it('tells a transient provider who asks for it', async () => {
    expect((await call(kind)).replies[0]).toMatchObject({ id: 'ScopedController' });
  });

  it('keeps two calls at once apart', async () => {
    const { promise, resolve } = deferred();
    const both = deferred();
    let count = 0;
    gate = promise;
    begun = () => (count += 1) === 2 && both.resolve();
    const calls = [call(kind, 'a'), call(kind, 'b')];
    await both.promise;
    resolve();
    const numbers = (await Promise.all(calls)).map(({ replies }) => replies[0]!.number);
    expect(numbers.toSorted()).toEqual([1, 2]);
    expect(seen.tokens.toSorted()).toEqual(['a', 'b']);
    gate = undefined;
    begun = () => {};
  });

  it('refuses an invalid request', async () => {
    expect(await started.client.call(kind, {})).toMatchObject({ code: 'INVALID_ARGUMENT' });
  });
});
