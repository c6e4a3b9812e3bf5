import { randomUUID } from 'node:crypto';
import { Client, type ClientReadableStream, credentials } from '@grpc/grpc-js';
import { NotificationServiceDefinition } from '@rookery/contracts/notification/v1';
import { UserServiceDefinition } from '@rookery/contracts/user/v1';
import { Code, Unavailable } from '@rookery/errors';
import { HealthCheckRequest, HealthCheckResponse, HealthCheckResponse_ServingStatus as Status } from '@rookery/grpc';
import { type TestService, startTestService } from '@rookery/testing';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { NotificationServiceModule } from '../../../apps/notification-service/src/notification-service.module.js';
import { UserServiceModule } from '../../../apps/user-service/src/user-service.module.js';

const databaseServerUrl = inject('databaseUrl');
const serialize = (message: HealthCheckRequest) => Buffer.from(HealthCheckRequest.encode(message).finish());
const deserialize = (bytes: Buffer) => HealthCheckResponse.decode(bytes);

/** A health client that is not ours. */
class HealthProbe {
  private readonly client: Client;

  constructor(target: string) {
    this.client = new Client(target, credentials.createInsecure());
  }

  check(service: string): Promise<Status | string> {
    return new Promise((resolve) =>
      this.client.makeUnaryRequest(
        '/grpc.health.v1.Health/Check',
        serialize,
        deserialize,
        { service },
        (error, reply) => resolve(error ? Code[error.code]! : reply!.status),
      ),
    );
  }

  watch(service: string): ClientReadableStream<HealthCheckResponse> {
    return this.client.makeServerStreamRequest('/grpc.health.v1.Health/Watch', serialize, deserialize, { service });
  }

  close(): void {
    this.client.close();
  }
}

describe('grpc.health.v1', () => {
  let service: TestService;
  let probe: HealthProbe;

  beforeEach(async () => {
    service = await startTestService(UserServiceModule, { databaseServerUrl });
    probe = new HealthProbe(service.target);
  });
  afterEach(async () => {
    probe.close();
    await service.close();
  });

  it('answers for the server and each of its services, and knows no others', async () => {
    await expect.poll(() => probe.check('')).toBe(Status.SERVING);
    expect(await probe.check('user.v1.UserService')).toBe(Status.SERVING);
    expect(await probe.check('order.v1.OrderService')).toBe('NOT_FOUND');
  });

  it('tells who watches that the service stops', async () => {
    await expect.poll(() => probe.check('')).toBe(Status.SERVING);
    const seen: Status[] = [];
    const watch = probe.watch('');
    const ended = new Promise<void>((resolve) => watch.on('end', resolve).on('error', () => resolve()));
    watch.on('data', ({ status }: HealthCheckResponse) => seen.push(status));
    await expect.poll(() => seen).toEqual([Status.SERVING]);
    await service.close();
    await ended;
    expect(seen).toEqual([Status.SERVING, Status.NOT_SERVING]);
  });
});

describe('a service that stops', () => {
  it('tells a stream without an end to call again, and ends in time', async () => {
    const service = await startTestService(NotificationServiceModule, { databaseServerUrl });
    const notifications = service.client(NotificationServiceDefinition);
    const stream = notifications.streamNotifications({ userId: randomUUID() })[Symbol.asyncIterator]();
    const next = stream.next().then(
      () => undefined,
      (error: unknown) => error,
    );
    // The stream is being served once its call counts.
    const inFlight = async () =>
      (await (await fetch(`${service.httpUrl}/metrics`)).text()).includes('StreamNotifications"} 1');
    await expect.poll(inFlight).toBe(true);
    const startedAt = Date.now();
    await service.close();
    expect(Date.now() - startedAt).toBeLessThan(3_000);
    const error = await next;
    expect(error).toBeInstanceOf(Unavailable);
    expect(error).toMatchObject({ reason: 'SHUTTING_DOWN' });
  });

  it('does not wait for those who keep a reflection stream or a health watch open', async () => {
    const service = await startTestService(UserServiceModule, { databaseServerUrl });
    const probe = new HealthProbe(service.target);
    const raw = new Client(service.target, credentials.createInsecure());
    const same = (bytes: Buffer) => bytes;
    const path = '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo';
    const streams = [raw.makeBidiStreamRequest(path, same, same), probe.watch('no.such.Service')];
    // list_services: field 7, empty
    (streams[0] as ReturnType<typeof raw.makeBidiStreamRequest<Buffer, Buffer>>).write(Buffer.from([0x3a, 0x00]));
    const ended = streams.map((stream) => {
      const first = new Promise((resolve) => stream.once('data', resolve));
      const end = new Promise<void>((resolve) => stream.on('end', resolve).on('error', () => resolve()));
      return { first, end };
    });
    await Promise.all(ended.map(({ first }) => first));
    const startedAt = Date.now();
    await service.close();
    expect(Date.now() - startedAt).toBeLessThan(3_000);
    await Promise.all(ended.map(({ end }) => end));
    probe.close();
    raw.close();
  });

  it('answers the calls that run', async () => {
    const service = await startTestService(UserServiceModule, { databaseServerUrl });
    const users = service.client(UserServiceDefinition);
    const calls = Array.from({ length: 50 }, () =>
      users.createUser({ email: `${randomUUID()}@example.com`, name: 'x' }),
    );
    const inFlight = /grpc_server_in_flight\{[^}]*"CreateUser"\} [1-9]/;
    const accepted = async () => inFlight.test(await (await fetch(`${service.httpUrl}/metrics`)).text());
    await expect.poll(accepted).toBe(true);
    const closed = service.close();
    const results = await Promise.allSettled(calls);
    await closed;
    const refused = results
      .filter(({ status }) => status === 'rejected')
      .map((result) => (result as PromiseRejectedResult).reason);
    // A call that the server had not accepted yet may be refused as UNAVAILABLE, never anything else.
    expect(refused.filter((error) => !(error instanceof Unavailable))).toEqual([]);
    expect(results.some(({ status }) => status === 'fulfilled')).toBe(true);
  });
});

it('two replicas of a service share one database and migrate it once', async () => {
  const first = await startTestService(UserServiceModule, { databaseServerUrl });
  const second = await startTestService(UserServiceModule, { databaseUrl: first.databaseUrl });
  const created = await first.client(UserServiceDefinition).createUser({ email: 'two@example.com', name: 'x' });
  expect(await second.client(UserServiceDefinition).getUser({ id: created.id })).toEqual(created);
  await second.close();
  await first.close();
});
