import { createHash } from 'node:crypto';
import { InvalidArgument } from '@rookery/errors';
import type { ObjectLiteral, SelectQueryBuilder } from 'typeorm';

const DEFAULT_SIZE = 50;
const MAX_SIZE = 1000;
const UUID = /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/;

/** What a List method is asked for (AIP-158). */
export interface PageRequest {
  /** 0 means 50; more than 1000 means 1000. */
  pageSize: number;
  /** Empty for the first page. */
  pageToken: string;
}

/** One page; `nextPageToken` is empty on the last one. */
export interface Page<T> {
  items: T[];
  nextPageToken: string;
}

/**
 * One page of `query`, ordered by the `id` column (a UUIDv7, so by creation). The pages have each row that was committed
 * before the first of them was read, once; of those committed later they may have some. Page 1000 costs as much as page 1.
 * @param scope what the list is filtered by; a token of one table, order and scope is refused in another
 * @throws {InvalidArgument} for a negative page_size or a page_token that is not one of this list
 */
export async function keysetPage<T extends ObjectLiteral & { id: string }>(
  query: SelectQueryBuilder<T>,
  { pageSize, pageToken }: PageRequest,
  { order = 'ASC', scope = '' }: { order?: 'ASC' | 'DESC'; scope?: string } = {},
): Promise<Page<T>> {
  if (pageSize < 0) throw refused('page_size', `must not be negative, got ${pageSize}`);
  const size = Math.min(pageSize || DEFAULT_SIZE, MAX_SIZE);
  const id = `${query.alias}.id`;
  const list = fingerprint([query.expressionMap.mainAlias?.tablePath, order, scope]);
  if (pageToken !== '') {
    query.andWhere(`${id} ${order === 'ASC' ? '>' : '<'} :after`, { after: decode(pageToken, list) });
  }
  const rows = await query
    .orderBy(id, order)
    .take(size + 1)
    .getMany();
  const items = rows.slice(0, size);
  return { items, nextPageToken: rows.length > size ? encode(items.at(-1)!.id, list) : '' };
}

/** Tells lists apart, and nobody what they are made of. */
function fingerprint(list: unknown[]): string {
  return createHash('sha256').update(JSON.stringify(list)).digest('base64url').slice(0, 16);
}

function encode(after: string, list: string): string {
  return Buffer.from(JSON.stringify([after, list])).toString('base64url');
}

function decode(token: string, list: string): string {
  try {
    const [after, of] = JSON.parse(Buffer.from(token, 'base64url').toString()) as unknown[];
    if (typeof after === 'string' && UUID.test(after) && of === list) return after;
  } catch {
    // Not JSON: refused below.
  }
  throw refused('page_token', 'is not a token of this list');
}

function refused(field: string, description: string): InvalidArgument {
  return new InvalidArgument(`${field} ${description}`, { violations: [{ field, description }] });
}
