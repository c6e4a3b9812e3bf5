import { randomUUID } from 'node:crypto';
import { type Answer, rest } from './rest-client.js';
import type { RunningPlatform } from './topologies.js';

/** An id that nothing has. */
export const UNKNOWN = '018f0000-0000-7000-8000-000000000000';

export interface User {
  id: string;
  email: string;
  name: string;
}
export interface Order {
  id: string;
  status: string;
  total: { currencyCode: string; units: string; nanos: number };
}
export interface Problem {
  status: number;
  code: string;
  reason: string;
  violations?: { field: string }[];
}

/** Two books; each costs 12.50 EUR unless the test says otherwise. */
export function item(units = '12', nanos = 500_000_000) {
  return { sku: 'book', quantity: 2, unitPrice: { currencyCode: 'EUR', units, nanos } };
}

/** What tests do with the platform through its gateway. */
export class PlatformClient {
  constructor(readonly platform: RunningPlatform) {}

  get api(): string {
    return `${this.platform.restUrl}/v1`;
  }

  post<T>(path: string, body: unknown, headers?: Record<string, string>): Promise<Answer<T>> {
    return rest<T>(`${this.api}${path}`, { method: 'POST', body, headers });
  }

  /** Ada, with an email of her own. */
  async newUser(): Promise<User> {
    return (await this.post<User>('/users', { email: `${randomUUID()}@example.com`, name: 'Ada' })).body;
  }

  async newOrder(userId: string): Promise<Order> {
    return (await this.post<Order>('/orders', { userId, items: [item()] })).body;
  }
}
