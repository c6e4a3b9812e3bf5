import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Type } from '@nestjs/common';
import { Environment } from '@rookery/config';
import type { ServiceClient, ServiceDefinition } from '@rookery/contracts';
import { EmbeddedPostgres } from '@rookery/embedded';
import { type CallOptions, type GrpcClient, createGrpcClient, targetVariable } from '@rookery/grpc';
import { type RunningService, createService } from '@rookery/service';
import { CleanUps } from './clean-ups.js';
import type { Fake } from './fake.js';
import { serveFake } from './serve-fake.js';
import { createTestDatabase } from './test-database.js';

export interface TestServiceOptions {
  /** PostgreSQL where the test's database is created. Default: an embedded one that all tests of the machine's user share. */
  databaseServerUrl?: string;
  /** A database that exists, instead of a new one: for a second replica, or a restart. It is not dropped. */
  databaseUrl?: string;
  /** Further variables: `USER_SERVICE_URL`, `NATS_URL`, … The process's own environment is not seen. */
  environment?: Readonly<Record<string, string>>;
  /** Services that it calls, made up: `[fake(UserServiceDefinition, { getUser: … })]`. Served until it is closed. */
  clients?: readonly Fake[];
}

/** A service that runs in a test, on free ports, with a database of its own. */
export interface TestService extends RunningService {
  /** `127.0.0.1:<port>`: what another service's `<NAME>_SERVICE_URL` takes. */
  readonly target: string;
  /** `http://127.0.0.1:<port>`: probes and metrics. */
  readonly httpUrl: string;
  readonly databaseUrl: string;
  /** A typed client, closed with the service. It does not retry, so that a test sees what the service answers. */
  client<D extends ServiceDefinition>(service: D): ServiceClient<D, CallOptions>;
}

/** Starts a service as production does, and gives a typed client to it. `close()` ends it and drops its database. */
export async function startTestService(service: Type, options: TestServiceOptions = {}): Promise<TestService> {
  const cleanUps = new CleanUps();
  try {
    const databaseUrl = options.databaseUrl ?? (await newDatabase(options.databaseServerUrl, cleanUps));
    const fakes: Record<string, string> = {};
    for (const fake of options.clients ?? []) {
      const served = await serveFake(fake);
      cleanUps.add(() => served.close());
      fakes[targetVariable(fake.service)] = served.target;
    }
    const environment = new Environment({
      NODE_ENV: 'test',
      LOG_LEVEL: 'fatal',
      GRPC_PORT: '0',
      HTTP_PORT: '0',
      DATABASE_URL: databaseUrl,
      // A bus of its own, so that tests of one process do not hear each other.
      NATS_URL: `memory://test-${randomBytes(8).toString('hex')}`,
      ...fakes,
      ...options.environment,
    });
    const running = await createService(service, { environment });
    cleanUps.add(() => running.close());
    await running.listen();
    const target = `127.0.0.1:${running.ports.grpc}`;
    const clients: GrpcClient<ServiceDefinition>[] = [];
    cleanUps.add(() => clients.forEach((client) => client.close()));
    return {
      ...running,
      ports: running.ports,
      target,
      httpUrl: `http://127.0.0.1:${running.ports.http}`,
      databaseUrl,
      client: (definition) => {
        const client = createGrpcClient(definition, { target, timeout: '10s', retry: false });
        clients.push(client);
        return client.methods;
      },
      close: () => cleanUps.run(),
    };
  } catch (error) {
    // Why it did not start is what the test must hear of, whatever else fails now.
    await cleanUps.run().catch(() => undefined);
    throw error;
  }
}

async function newDatabase(serverUrl: string | undefined, cleanUps: CleanUps): Promise<string> {
  let server = serverUrl;
  if (server === undefined) {
    const dataDir = join(tmpdir(), `rookery-test-postgres-${process.getuid?.() ?? 'user'}`);
    const postgres = await EmbeddedPostgres.start({ dataDir, settings: { fsync: 'off' } });
    cleanUps.add(() => postgres.release());
    server = postgres.url;
  }
  const database = await createTestDatabase(server);
  cleanUps.add(() => database.drop());
  return database.url;
}
