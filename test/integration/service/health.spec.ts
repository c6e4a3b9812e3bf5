import { Client, credentials } from '@grpc/grpc-js';
import { HealthCheckRequest, HealthCheckResponse, HealthCheckResponse_ServingStatus as Status } from '@rookery/grpc';
import { type DependencyState, DependencyRegistry } from '@rookery/observability';
import { type TestService, startTestService } from '@rookery/testing';
import { afterEach, beforeEach, expect, inject, it } from 'vitest';
import { UserServiceModule } from '../../../apps/user-service/src/user-service.module.js';

/** A dependency that is as the test says. */
const mail = { asked: 0, state: { up: true } as DependencyState };
let service: TestService;
let client: Client;

beforeEach(async () => {
  service = await startTestService(UserServiceModule, { databaseServerUrl: inject('databaseUrl') });
  client = new Client(service.target, credentials.createInsecure());
  Object.assign(mail, { asked: 0, state: { up: true } });
});
afterEach(async () => {
  client.close();
  await service.close();
});

function register(critical: boolean): void {
  const check = async () => {
    mail.asked += 1;
    return mail.state;
  };
  service.app.get(DependencyRegistry).register({ name: 'mail', critical, check });
}

async function http() {
  const response = await fetch(`${service.httpUrl}/health/ready`);
  const { details, status } = (await response.json()) as { status: string; details: Record<string, unknown> };
  return { code: response.status, status, details };
}

const grpc = () =>
  new Promise<Status>((resolve, reject) =>
    client.makeUnaryRequest(
      '/grpc.health.v1.Health/Check',
      (message: HealthCheckRequest) => Buffer.from(HealthCheckRequest.encode(message).finish()),
      (bytes: Buffer) => HealthCheckResponse.decode(bytes),
      { service: '' },
      (error, reply) => (error ? reject(error) : resolve(reply!.status)),
    ),
  );

it('each dependency is told of by name, with its state, latency, and the reason when it is down', async () => {
  register(false);
  mail.state = { up: false, detail: 'mailbox full' };
  await expect.poll(async () => (await http()).status).toBe('degraded');
  const { code, details } = await http();
  expect(code).toBe(200);
  expect(details).toMatchObject({
    service: { status: 'up', state: 'ready' },
    database: { status: 'up', latency: expect.any(Number) },
    cache: { status: 'up', latency: expect.any(Number), detail: 'in memory' },
    events: { status: 'up', latency: expect.any(Number) },
    mail: { status: 'degraded', latency: expect.any(Number), reason: 'mailbox full' },
  });
  expect(await grpc()).toBe(Status.SERVING);
});

it('HTTP and gRPC say the same as soon as something critical is down, and when it is back', async () => {
  register(true);
  for (const up of [true, false, true]) {
    mail.state = { up };
    const [code, status] = up ? [200, Status.SERVING] : [503, Status.NOT_SERVING];
    await expect.poll(async () => (await http()).code, { interval: 20 }).toBe(code);
    expect(await grpc()).toBe(status);
  }
});

it('a flood of probes is none to the dependencies', async () => {
  register(true);
  const since = performance.now();
  for (let round = 0; round < 5; round += 1) {
    await Promise.all(Array.from({ length: 40 }, () => Promise.all([http(), grpc()])));
  }
  // Twice a second at most, however many ask.
  expect(mail.asked).toBeLessThanOrEqual(Math.ceil((performance.now() - since) / 500) + 1);
});
