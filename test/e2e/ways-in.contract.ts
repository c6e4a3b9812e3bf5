import { randomUUID } from 'node:crypto';
import { OrderServiceDefinition, OrderStatus } from '@rookery/contracts/order/v1';
import { UserServiceDefinition } from '@rookery/contracts/user/v1';
import { InvalidArgument, NotFound } from '@rookery/errors';
import { createGrpcClient, type GrpcClient } from '@rookery/grpc';
import { Validator } from '@seriousme/openapi-schema-validator';
import { describe, expect, it } from 'vitest';
import { type PlatformClient, UNKNOWN } from './platform-client.js';
import { rest } from './rest-client.js';

/** The ways into the platform, in every topology: REST and its documentation, gRPC, probes. */
export function waysInContract(client: () => PlatformClient): void {
  describe('the ways in', () => {
    it('carry the request id back', async () => {
      const { headers } = await rest(`${client().api}/users`, { headers: { 'x-request-id': 'mine-1' } });
      expect(headers.get('x-request-id')).toBe('mine-1');
      const [logged] = [...client().platform.processes].filter(([name]) => ['platform', 'user-service'].includes(name));
      await expect.poll(() => logged![1].output).toContain('"requestId":"mine-1"');
    });

    it('are described by a valid OpenAPI document', async () => {
      const { body } = await rest<{ paths: object }>(`${client().platform.restUrl}/openapi.json`);
      const { valid, errors } = await new Validator().validate(body);
      expect({ valid, errors }).toEqual({ valid: true, errors: undefined });
      expect(Object.keys(body.paths)).toEqual(
        expect.arrayContaining(['/v1/users', '/v1/orders/{id}:confirm', '/v1/users/{user_id}/notifications']),
      );
    });

    it('have documentation for people', async () => {
      const page = await fetch(`${client().platform.restUrl}/docs`);
      expect(page.status).toBe(200);
      expect(await page.text()).toContain('swagger-ui');
    });

    it('include gRPC itself, with the errors of the catalogue', async () => {
      const open: GrpcClient<never>[] = [];
      const users = createGrpcClient(UserServiceDefinition, {
        target: client().platform.grpc['user-service'],
        timeout: 5_000,
      });
      const orders = createGrpcClient(OrderServiceDefinition, {
        target: client().platform.grpc['order-service'],
        timeout: 5_000,
      });
      open.push(users as never, orders as never);
      try {
        const user = await users.methods.createUser({ email: `${randomUUID()}@example.com`, name: 'Ada' });
        expect(await users.methods.getUser({ id: user.id })).toEqual(user);
        await expect(users.methods.getUser({ id: UNKNOWN })).rejects.toBeInstanceOf(NotFound);
        await expect(users.methods.getUser({ id: 'x' })).rejects.toBeInstanceOf(InvalidArgument);
        const order = await orders.methods.createOrder({
          userId: user.id,
          items: [{ sku: 'book', quantity: 1, unitPrice: { currencyCode: 'EUR', units: 3n, nanos: 0 } }],
        });
        expect(order).toMatchObject({ status: OrderStatus.PENDING, total: { units: 3n } });
      } finally {
        for (const client of open) client.close();
      }
    });

    it.each(['user-service', 'order-service', 'notification-service'] as const)('probe %s', async (name) => {
      const { status, body } = await rest<{ details: object }>(`${client().platform.probes[name]}/health/ready`);
      expect(status).toBe(200);
      expect(Object.keys(body.details)).toEqual(expect.arrayContaining(['service', 'database', 'events']));
      expect((await rest(`${client().platform.probes[name]}/health/live`)).status).toBe(200);
      expect((await rest(`${client().platform.probes[name]}/health/startup`)).status).toBe(200);
      const metrics = await (await fetch(`${client().platform.probes[name]}/metrics`)).text();
      expect(metrics).toContain('process_cpu_seconds_total');
      expect(metrics).toContain('grpc_server_handling_seconds');
    });
  });
}
