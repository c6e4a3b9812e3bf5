import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { problemOf } from './gateway.fixture.js';
import { type UsersGateway, startUsersGateway } from './users-gateway.fixture.js';

let gateway: UsersGateway;
beforeAll(async () => (gateway = await startUsersGateway()));
afterAll(() => gateway.close());

describe('the documentation of the gateway', () => {
  it('is served from here, under a policy that forbids everything else', async () => {
    const home = await gateway.get('/', { redirect: 'manual' });
    expect([home.status, home.headers.get('location')]).toEqual([302, '/docs']);
    const page = await gateway.get('/docs');
    expect(page.headers.get('content-security-policy')).toContain("script-src 'self'");
    // Without TLS in front it would break the page.
    expect(page.headers.get('content-security-policy')).not.toContain('upgrade-insecure-requests');
    const addresses = [...(await page.text()).matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1] ?? '');
    expect(addresses).toHaveLength(4);
    for (const address of addresses) {
      const asset = await fetch(new URL(address, `${gateway.url}/docs`));
      expect([address, asset.status]).toEqual([address, 200]);
    }
    expect(await problemOf(await gateway.get('/docs/package.json'))).toMatchObject({ status: 404 });
    expect(await (await gateway.get('/openapi.json')).json()).toMatchObject({ openapi: '3.1.0' });
  });
});
