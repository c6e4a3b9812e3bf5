import { once } from 'node:events';
import { type Socket, connect } from 'node:net';
import { type TestService, startTestService } from '@rookery/testing';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { UserServiceModule } from '../../../apps/user-service/src/user-service.module.js';

/** How an HTTP/2 client begins: the preface, and a SETTINGS frame with nothing in it. */
const HTTP2 = Buffer.concat([
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  Buffer.from('000000040000000000', 'hex'),
]);

describe('a service that stops does not wait for', () => {
  let service: TestService;
  let socket: Socket | undefined;

  beforeEach(async () => {
    service = await startTestService(UserServiceModule, {
      databaseServerUrl: inject('databaseUrl'),
      environment: { SHUTDOWN_TIMEOUT: '1s' },
    });
  });
  afterEach(async () => {
    socket?.destroy();
    await service.close();
  });

  /** A client that never reads: it does not even see that the other side has closed the connection. */
  async function open(port: 'grpc' | 'http', sends?: string | Buffer): Promise<void> {
    socket = connect(service.ports[port], '127.0.0.1').on('error', () => undefined);
    await once(socket, 'connect');
    if (sends !== undefined) await new Promise((resolve) => socket!.write(sends, resolve));
    // Until the server has it: connections are accepted, and what they bring is read, in their order.
    expect((await fetch(`${service.httpUrl}/health/live`)).status).toBe(200);
  }

  async function stopTime(): Promise<number> {
    const begun = performance.now();
    await service.close();
    return performance.now() - begun;
  }

  it.each(['grpc', 'http'] as const)('a connection to %s on which nothing was ever sent', async (port) => {
    await open(port);
    expect(await stopTime()).toBeLessThan(1_000);
  });

  it('a gRPC client that reads no more, for longer than calls may take', async () => {
    await open('grpc', HTTP2);
    expect(await stopTime()).toBeLessThan(2_000);
  });

  it('half a request for a probe', async () => {
    await open('http', 'GET /health/live HTTP/1.1\r\n');
    expect(await stopTime()).toBeLessThan(4_000);
  });
});
