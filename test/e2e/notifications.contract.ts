import { describe, expect, it } from 'vitest';
import type { PlatformClient } from './platform-client.js';
import { events } from './rest-client.js';

/** What notifications are, in every topology. */
export function notificationsContract(client: () => PlatformClient): void {
  describe('notifications', () => {
    it('are streamed: those that are there, then each new one', async () => {
      const user = await client().newUser();
      const types: unknown[] = [];
      for await (const { data } of events(`${client().api}/users/${user.id}/notifications:stream`)) {
        types.push(data['eventType']);
        if (types.length === 1) await client().newOrder(user.id);
        if (types.length === 2) break;
      }
      expect(types).toEqual(['user.v1.UserCreated', 'order.v1.OrderCreated']);
    });
  });
}
