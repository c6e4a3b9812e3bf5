import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { PlatformClient, User } from './platform-client.js';
import { type ServerEvent, events, rest } from './rest-client.js';

/** What users are, in every topology. */
export function usersContract(client: () => PlatformClient): void {
  describe('users', () => {
    it('are created, read, changed and deleted', async () => {
      const email = `${randomUUID()}@Example.com`;
      const created = await client().post<User>('/users', { email, name: 'Ada' });
      expect(created).toMatchObject({ status: 201, body: { email, name: 'Ada' } });
      const url = `${client().api}/users/${created.body.id}`;
      expect((await rest(url)).body).toEqual(created.body);

      const patched = await rest<User>(url, { method: 'PATCH', body: { name: 'Grace' } });
      expect(patched).toMatchObject({ status: 200, body: { email, name: 'Grace' } });
      expect((await rest(url)).body).toEqual(patched.body);

      expect(await rest(url, { method: 'DELETE' })).toMatchObject({ status: 200, body: {} });
      expect(await rest(url)).toMatchObject({
        status: 404,
        body: { reason: 'USER_NOT_FOUND', metadata: { id: created.body.id } },
      });
    });

    it('have an email of their own, whatever its case', async () => {
      const { email } = await client().newUser();
      expect(await client().post('/users', { email: email.toUpperCase(), name: 'x' })).toMatchObject({
        status: 409,
        body: { code: 'ALREADY_EXISTS', reason: 'USER_EMAIL_TAKEN' },
      });
    });

    it('are listed page by page, each once', async () => {
      const mine = await Promise.all([client().newUser(), client().newUser(), client().newUser()]);
      const seen: string[] = [];
      let pageToken = '';
      do {
        const { body } = await rest<{ users: User[]; nextPageToken: string }>(
          `${client().api}/users?pageSize=2&pageToken=${pageToken}`,
        );
        expect(body.users.length).toBeLessThanOrEqual(2);
        seen.push(...body.users.map(({ id }) => id));
        pageToken = body.nextPageToken;
      } while (pageToken !== '');
      expect(new Set(seen).size).toBe(seen.length);
      expect(seen).toEqual(expect.arrayContaining(mine.map(({ id }) => id)));
    });

    it('refuse a page token that is none', async () => {
      expect(await rest(`${client().api}/users?pageToken=nonsense`)).toMatchObject({
        status: 400,
        body: { violations: [{ field: 'pageToken' }] },
      });
    });

    it('are streamed to the end', async () => {
      const { id } = await client().newUser();
      const all: ServerEvent[] = [];
      for await (const event of events(`${client().api}/users:stream`)) all.push(event);
      expect(all.at(-1)?.event).toBe('end');
      expect(all.map(({ data }) => data['id'])).toContain(id);
    });
  });
}
