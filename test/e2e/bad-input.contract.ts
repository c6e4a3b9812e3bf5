import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type PlatformClient, type Problem, item } from './platform-client.js';
import { rest } from './rest-client.js';

/** How bad input is answered, in every topology. */
export function badInputContract(client: () => PlatformClient): void {
  describe('bad input', () => {
    const invalid = (field: string) => ({ status: 400, body: { code: 'INVALID_ARGUMENT', violations: [{ field }] } });

    it.each([
      ['malformed JSON', '{"email":'],
      ['an unknown field', { email: 'a@b.cd', name: 'x', admin: true }],
      ['a wrong type', { email: 1, name: 'x' }],
      ['no object', '[]'],
    ])('is 400 for %s', async (_, body) => {
      const answer = await client().post<Problem>('/users', body);
      expect(answer).toMatchObject({ status: 400, body: { status: 400, code: 'INVALID_ARGUMENT' } });
      expect(answer.headers.get('content-type')).toContain('application/problem+json');
    });

    it('is 400, not 500, for what the database cannot hold and sums that no number can', async () => {
      expect(await client().post('/users', { email: `${randomUUID()}@example.com`, name: 'A\u0000' })).toMatchObject({
        status: 400,
      });
      const { id } = await client().newUser();
      const huge = { ...item('10000000000'), quantity: 1_000_000 };
      expect(
        (await client().post('/orders', { userId: id, items: Array.from({ length: 100 }, () => huge) })).status,
      ).toBe(201);
      expect(await client().post('/orders', { userId: id, items: [item('10000000001')] })).toMatchObject(
        invalid('items[0].unitPrice.units'),
      );
      expect(
        await client().post('/orders', { userId: id, items: Array.from({ length: 300_000 }, () => ({})) }),
      ).toMatchObject({
        status: 400,
        body: { violations: [{ field: 'items' }] },
      });
    });

    it('refuses ids in another spelling than the one that is stored', async () => {
      const { id } = await client().newUser();
      expect(await rest(`${client().api}/users/${id.toUpperCase()}`)).toMatchObject(invalid('id'));
    });

    it('names the fields that are wrong, nested ones too', async () => {
      expect(await client().post('/users', { email: 'nobody', name: 'x' })).toMatchObject(invalid('email'));
      const { id } = await client().newUser();
      expect(await client().post('/orders', { userId: id, items: [item('-1')] })).toMatchObject(
        invalid('items[0].unitPrice.units'),
      );
      expect(await rest(`${client().api}/orders/nonsense:watch`)).toMatchObject(invalid('id'));
    });

    it('is 404 for an unknown route, 405 for a wrong verb, 413 for a body too large', async () => {
      expect((await rest(`${client().api}/nothing`)).status).toBe(404);
      expect(await rest(`${client().api}/orders`, { method: 'PUT', body: {} })).toMatchObject({ status: 405 });
      expect((await client().post('/users', { email: 'a@b.cd', name: 'x'.repeat(2_000_000) })).status).toBe(413);
    });
  });
}
