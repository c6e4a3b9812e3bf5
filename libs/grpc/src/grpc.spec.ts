import { Server as NativeServer } from '@grpc/grpc-js';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { type MicroserviceOptions, Payload } from '@nestjs/microservices';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { LogConfig, CallObserver, Metrics, createLogger } from '@rookery/observability';
import type { ServiceClient } from '@rookery/contracts';
import { callContext, runWithContext } from '@rookery/context';
import {
  CreateUserRequest,
  GetUserRequest,
  ListUsersRequest,
  ListUsersResponse as TagsRequest,
  User,
} from '@rookery/contracts/user/v1';
import { Code, InvalidArgument, NotFound, RookeryError } from '@rookery/errors';
import { Type } from 'class-transformer';
import { ArrayMaxSize, IsEmail, IsNotEmpty, IsUUID, Max, ValidateNested } from 'class-validator';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type CallOptions, GrpcController, GrpcModule, GrpcServer, Messages, createGrpcClient } from './index.js';

const method = <A, B, Q extends boolean, P extends boolean>(
  name: string,
  requestType: A,
  requestStream: Q,
  responseType: B,
  responseStream: P,
) => ({ name, requestType, requestStream, responseType, responseStream, options: {} }) as const;

/** A service with all four kinds, on messages that exist. */
const TestDefinition = {
  name: 'TestService',
  fullName: 'test.v1.TestService',
  methods: {
    tags: method('Tags', TagsRequest, false, User, false),
    get: method('Get', GetUserRequest, false, User, false),
    list: method('List', ListUsersRequest, false, User, true),
    collect: method('Collect', CreateUserRequest, true, User, false),
    echo: method('Echo', CreateUserRequest, true, User, true),
  },
} as const;

class GetDto implements GetUserRequest {
  @IsUUID()
  id!: string;
}
class ListDto implements ListUsersRequest {
  @Max(100_000)
  pageSize!: number;
  pageToken!: string;
}
class TagDto {
  @IsNotEmpty()
  email!: string;
}
class TagsDto {
  @ArrayMaxSize(100)
  @ValidateNested({ each: true })
  @Type(() => TagDto)
  users!: TagDto[];
  nextPageToken!: string;
}
class CreateDto implements CreateUserRequest {
  @IsEmail()
  email!: string;
  @IsNotEmpty()
  name!: string;
}

const UUID = '018f0000-0000-7000-8000-000000000000';
const user = (id: string): User => User.fromPartial({ id });

/** What the streaming handlers did, for assertions. */
const seen = { stopped: 0, aborted: 0, requestId: '' };

@GrpcController(TestDefinition)
class TestController {
  async get(@Payload() { id }: GetDto): Promise<User> {
    seen.requestId = callContext()?.requestId ?? '';
    if (id.endsWith('1')) throw new NotFound('no such user', { reason: 'USER_NOT_FOUND', metadata: { id } });
    return user(id);
  }
  tags(@Payload() { users }: TagsDto): User {
    return user(String(users.length));
  }
  async *list(@Payload() { pageSize, pageToken }: ListDto): AsyncGenerator<User> {
    const { signal } = callContext()!;
    signal.addEventListener('abort', () => (seen.aborted += 1));
    try {
      for (let id = 0; id < pageSize; id += 1) yield user(String(id));
      if (pageToken === 'fails') throw new NotFound('in the middle');
      if (pageToken === 'hangs') await new Promise((resolve) => signal.addEventListener('abort', resolve));
    } finally {
      seen.stopped += 1;
    }
  }
  async collect(@Messages(CreateDto) messages: AsyncIterable<CreateDto>): Promise<User> {
    const emails: string[] = [];
    for await (const { email } of messages) emails.push(email);
    return user(emails.join());
  }
  async *echo(@Messages(CreateDto) messages: AsyncIterable<CreateDto>): AsyncGenerator<User> {
    for await (const { email } of messages) yield user(email);
  }
}

@Module({ imports: [GrpcModule], controllers: [TestController] })
class TestModule {}

let server: GrpcServer;
let metrics: Metrics;
let client: ServiceClient<typeof TestDefinition, CallOptions>;
let closeAll: () => Promise<void>;

beforeAll(async () => {
  metrics = new Metrics();
  const logger = createLogger({ level: 'silent', format: 'json' } as LogConfig, 'test');
  const app = await NestFactory.create(TestModule, new FastifyAdapter(), { logger: false });
  server = new GrpcServer({
    name: 'test-service',
    host: '127.0.0.1',
    port: 0,
    limits: { maxMessageBytes: 1_000_000 },
    observer: new CallObserver(metrics, logger),
  });
  app.connectMicroservice<MicroserviceOptions>({ strategy: server.attach(app) }, { inheritAppConfig: true });
  await app.startAllMicroservices();
  const made = createGrpcClient(TestDefinition, { target: `127.0.0.1:${server.port}`, timeout: 5_000 });
  client = made.methods;
  closeAll = async () => {
    made.close();
    await app.close();
  };
});
afterAll(() => closeAll());
afterEach(() => Object.assign(seen, { stopped: 0, aborted: 0, requestId: '' }));

async function failure(work: Promise<unknown>): Promise<RookeryError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof RookeryError) return error;
    throw error;
  }
  throw new Error('it did not fail');
}

async function drain<T>(source: AsyncIterable<T>, into: T[] = []): Promise<T[]> {
  for await (const item of source) into.push(item);
  return into;
}

const create = (email: string) => ({ email, name: 'n' });

describe('unary', () => {
  it('answers', async () => {
    expect(await client.get({ id: UUID })).toEqual(user(UUID));
  });

  it('carries an error with its class and details', async () => {
    const error = await failure(client.get({ id: UUID.replace(/.$/, '1') }));
    expect(error).toBeInstanceOf(NotFound);
    expect(error).toMatchObject({ message: 'no such user', reason: 'USER_NOT_FOUND', domain: 'test-service' });
  });

  it('refuses an invalid request with the fields', async () => {
    const error = await failure(client.get({ id: 'x' }));
    expect(error).toBeInstanceOf(InvalidArgument);
    expect(error).toMatchObject({ violations: [{ field: 'id', description: 'id must be a UUID' }] });
  });

  it('tells of 20 wrong fields at most, in an answer that fits into headers', async () => {
    const error = await failure(client.tags({ users: Array.from({ length: 100 }, () => ({})) }));
    expect(error).toBeInstanceOf(InvalidArgument);
    expect((error as InvalidArgument).violations).toHaveLength(20);
    expect(error.message).toBe(
      'invalid users[0].email, users[1].email, users[2].email, users[3].email, users[4].email and 95 more',
    );
  });

  it('refuses a list that is too long before it looks at its elements', async () => {
    const startedAt = performance.now();
    const error = await failure(client.tags({ users: Array.from({ length: 200_000 }, () => ({})) }));
    expect(error).toMatchObject({ violations: [{ field: 'users' }] });
    expect(performance.now() - startedAt).toBeLessThan(3_000);
  });

  it('carries the request id in', async () => {
    const context = { requestId: 'mine', signal: new AbortController().signal };
    await runWithContext(context, () => client.get({ id: UUID }));
    expect(seen.requestId).toBe('mine');
  });
});

describe('server streaming', () => {
  it('sends all and ends', async () => {
    expect(await drain(client.list({ pageSize: 3, pageToken: 't' }))).toHaveLength(3);
  });

  it('fails before the first message and in the middle', async () => {
    expect(await failure(drain(client.list({ pageSize: 200_000 })))).toBeInstanceOf(InvalidArgument);
    const got: User[] = [];
    expect(await failure(drain(client.list({ pageSize: 2, pageToken: 'fails' }), got))).toBeInstanceOf(NotFound);
    expect(got).toHaveLength(2);
  });

  it('stops the producer when the client leaves', async () => {
    for await (const { id } of client.list({ pageSize: 1, pageToken: 'hangs' })) {
      expect(id).toBe('0');
      break;
    }
    await expect.poll(() => seen).toMatchObject({ stopped: 1, aborted: 1 });
  });
});

describe('client streaming', () => {
  it('collects every message', async () => {
    expect((await client.collect([create('a@b.cd'), create('e@f.gh')])).id).toBe('a@b.cd,e@f.gh');
  });

  it('tells the source when the call is over', async () => {
    let left = false;
    async function* endless() {
      try {
        for (;;) yield create('x');
      } finally {
        left = true;
      }
    }
    expect(await failure(client.collect(endless()))).toBeInstanceOf(InvalidArgument);
    await expect.poll(() => left).toBe(true);
  });

  it('refuses an invalid message in the middle', async () => {
    expect(await failure(client.collect([create('a@b.cd'), create('x')]))).toMatchObject({
      violations: [{ field: 'email', description: 'email must be an email' }],
    });
  });
});

describe('bidi streaming', () => {
  it('answers each message', async () => {
    expect((await drain(client.echo([create('a@b.cd'), create('e@f.gh')]))).map(({ id }) => id)).toEqual([
      'a@b.cd',
      'e@f.gh',
    ]);
  });

  it('answers up to the invalid message', async () => {
    const got: User[] = [];
    const error = await failure(drain(client.echo([create('a@b.cd'), create('x')]), got));
    expect(error).toBeInstanceOf(InvalidArgument);
    expect(got).toHaveLength(1);
  });
});

describe('deadlines and cancellation', () => {
  it('ends a call at its deadline', async () => {
    const error = await failure(drain(client.list({ pageSize: 1, pageToken: 'hangs' }, { timeout: 50 })));
    expect(error.code).toBe(Code.DEADLINE_EXCEEDED);
    await expect.poll(() => seen.stopped).toBe(1);
  });

  it('ends a call whose signal aborts', async () => {
    const controller = new AbortController();
    const work = drain(client.list({ pageSize: 1, pageToken: 'hangs' }, { signal: controller.signal }));
    controller.abort();
    expect((await failure(work)).code).toBe(Code.CANCELLED);
  });
});

it('counts calls by method and code', async () => {
  await client.get({ id: UUID });
  const text = await metrics.registry.metrics();
  expect(text).toMatch(
    /grpc_server_handling_seconds_count\{grpc_service="test\.v1\.TestService",grpc_method="Get",grpc_code="OK"\} \d/,
  );
  expect(text).toContain('grpc_server_in_flight{grpc_service="test.v1.TestService",grpc_method="Get"} 0');
});

describe('a controller', () => {
  const one = (name: string) =>
    ({ name: 'S', fullName: 's.S', methods: { [name]: TestDefinition.methods.get } }) as never;

  it('is refused when an RPC has no method', () => {
    class Empty {}
    expect(() => GrpcController(one('get'))(Empty)).toThrow('Empty has no method get for the RPC s.S/Get');
  });

  it('is refused when a request has no DTO class, which would skip validation', () => {
    class Careless {
      get(@Payload() request: GetUserRequest): User {
        return user(request.id);
      }
    }
    expect(() => GrpcController(one('get'))(Careless)).toThrow(
      'Careless.get must take its request as @Payload() request: SomeDto, with SomeDto a class imported as a value',
    );
  });
});

it('knows the services it serves and its port', () => {
  expect(server.services.map(({ fullName }) => fullName)).toEqual(['test.v1.TestService']);
  expect(server.port).toBeGreaterThan(0);
});

it('tells when it listens and when it has closed, to late subscribers too, and gives out the server below it', async () => {
  @Module({ controllers: [TestController] })
  class PlainModule {}
  const strategy = new GrpcServer({ name: 'test-service', host: '127.0.0.1', port: 0 });
  const app = await NestFactory.createMicroservice<MicroserviceOptions>(PlainModule, { strategy, logger: false });
  const told: string[] = [];
  strategy.on('listening', () => told.push('listening'));
  strategy.on('closed', () => told.push('closed'));
  strategy.attach(app);
  await app.listen();
  const statuses: string[] = [];
  strategy.status.subscribe((status) => statuses.push(status));
  expect(strategy.unwrap()).toBeInstanceOf(NativeServer);
  await app.close();
  expect([told, statuses]).toEqual([
    ['listening', 'closed'],
    ['listening', 'closed'],
  ]);
});

it('says what is missing when it serves no application', () => {
  const strategy = new GrpcServer({ name: 'test-service', host: '127.0.0.1', port: 0 });
  let failure: Error | undefined;
  strategy.listen((error) => (failure = error));
  expect(failure?.message).toContain('attach(app)');
});
