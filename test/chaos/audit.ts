import { rest } from '../e2e/rest-client.js';

const PAGE_SIZE = 1_000;

/** How what there is differs from what there should be; all empty when it does not. */
export interface Difference {
  readonly missing: string[];
  readonly twice: string[];
  readonly unknown: string[];
}

/** Compares as often as each is there, not only whether. */
export function difference(found: readonly string[], expected: readonly string[]): Difference {
  const counts = new Map<string, number>();
  for (const one of found) counts.set(one, (counts.get(one) ?? 0) + 1);
  const known = new Set(expected);
  return {
    missing: expected.filter((one) => !counts.has(one)),
    twice: [...counts].flatMap(([one, count]) => (count > 1 ? one : [])),
    unknown: [...counts.keys()].filter((one) => !known.has(one)),
  };
}

/** All pages of a list of the REST interface. */
async function everyPage<T>(url: string, field: string): Promise<T[]> {
  const items: T[] = [];
  let token = '';
  do {
    const page = `pageSize=${PAGE_SIZE}&pageToken=${encodeURIComponent(token)}`;
    const { status, body } = await rest(`${url}${url.includes('?') ? '&' : '?'}${page}`);
    if (status !== 200) throw new Error(`${url} was answered ${status}: ${JSON.stringify(body)}`);
    items.push(...((body[field] ?? []) as T[]));
    token = (body['nextPageToken'] ?? '') as string;
  } while (token !== '');
  return items;
}

/** The ids of a user's orders. */
export async function ordersOf(api: string, userId: string): Promise<string[]> {
  const orders = await everyPage<{ id: string }>(`${api}/orders?userId=${userId}`, 'orders');
  return orders.map(({ id }) => id);
}

/** What a user was notified of: the type of the event and the id of what it is about. */
export async function notificationsOf(api: string, userId: string): Promise<string[]> {
  const found = await everyPage<{ eventType: string; resourceId: string }>(
    `${api}/users/${userId}/notifications`,
    'notifications',
  );
  return found.map(({ eventType, resourceId }) => `${eventType} ${resourceId}`);
}
