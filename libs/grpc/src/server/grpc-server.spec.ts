import { Server as NativeServer } from '@grpc/grpc-js';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { type MicroserviceOptions, Payload } from '@nestjs/microservices';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { CreateUserRequest, GetUserRequest, ListUsersResponse as TagsRequest, User } from '@rookery/contracts/user/v1';
import { InvalidArgument, RookeryError } from '@rookery/errors';
import { CallObserver, type LogConfig, Metrics, Tracer, createLogger } from '@rookery/observability';
import { Type } from 'class-transformer';
import { ArrayMaxSize, IsEmail, IsNotEmpty, IsUUID, ValidateNested } from 'class-validator';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type GrpcClient, GrpcController, GrpcModule, GrpcServer, Messages, createGrpcClient } from '../index.js';

const method = <A, Q extends boolean>(name: string, requestType: A, requestStream: Q) =>
  ({ name, requestType, requestStream, responseType: User, responseStream: false, options: {} }) as const;

/** What is asked of all four kinds is in test/conformance; this is what it takes to see the rest. */
const TestDefinition = {
  name: 'TestService',
  fullName: 'test.v1.TestService',
  methods: {
    tags: method('Tags', TagsRequest, false),
    get: method('Get', GetUserRequest, false),
    collect: method('Collect', CreateUserRequest, true),
  },
} as const;

class GetDto implements GetUserRequest {
  @IsUUID()
  id!: string;
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

@GrpcController(TestDefinition)
class TestController {
  async get(@Payload() { id }: GetDto): Promise<User> {
    return user(id);
  }
  tags(@Payload() { users }: TagsDto): User {
    return user(String(users.length));
  }
  async collect(@Messages(CreateDto) messages: AsyncIterable<CreateDto>): Promise<User> {
    const emails: string[] = [];
    for await (const { email } of messages) emails.push(email);
    return user(emails.join());
  }
}

@Module({ imports: [GrpcModule], controllers: [TestController] })
class TestModule {}

let server: GrpcServer;
let metrics: Metrics;
let client: GrpcClient<typeof TestDefinition>['methods'];
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
    observer: new CallObserver(metrics, logger, Tracer.off),
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

async function failure(work: Promise<unknown>): Promise<RookeryError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof RookeryError) return error;
    throw error;
  }
  throw new Error('it did not fail');
}

const create = (email: string) => ({ email, name: 'n' });

describe('validation over the wire', () => {
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

  it('refuses an invalid message in the middle', async () => {
    expect(await failure(client.collect([create('a@b.cd'), create('x')]))).toMatchObject({
      violations: [{ field: 'email', description: 'email must be an email' }],
    });
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
