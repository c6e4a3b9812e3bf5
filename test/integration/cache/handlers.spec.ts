import { randomUUID } from 'node:crypto';
import { UserServiceDefinition } from '@rookery/contracts/user/v1';
import { NotFound } from '@rookery/errors';
import { type TestService, startTestService } from '@rookery/testing';
import { expect, inject, it } from 'vitest';
import { UserServiceModule } from '../../../apps/user-service/src/user-service.module.js';

/** Look-ups of a service, as Prometheus reads them. */
async function lookUps({ httpUrl }: TestService, result: string): Promise<number> {
  const text = await (await fetch(`${httpUrl}/metrics`)).text();
  const found = new RegExp(`^cache_requests_total\\{result="${result}"\\} (\\d+)$`, 'm').exec(text);
  return Number(found?.[1] ?? 0);
}

it('answers a handler’s calls from the cache of all replicas until one of them changes it', async () => {
  const environment = { REDIS_URL: inject('redisUrl'), CACHE_TIMEOUT: '5s' };
  const first = await startTestService(UserServiceModule, { databaseServerUrl: inject('databaseUrl'), environment });
  const second = await startTestService(UserServiceModule, { databaseUrl: first.databaseUrl, environment });
  const [one, two] = [first, second].map((service) => service.client(UserServiceDefinition));
  const isUp = async ({ httpUrl }: TestService) =>
    ((await (await fetch(`${httpUrl}/health/ready`)).json()) as { details: { cache: { status: string } } }).details
      .cache.status;
  for (const service of [first, second]) await expect.poll(() => isUp(service)).toBe('up');

  const ada = await one!.createUser({ email: `${randomUUID()}@example.com`, name: 'Ada' });
  expect(await one!.getUser({ id: ada.id })).toEqual(ada);
  expect(await two!.getUser({ id: ada.id })).toEqual(ada);
  expect([await lookUps(first, 'miss'), await lookUps(second, 'hit')]).toEqual([1, 1]);

  await two!.updateUser({ user: { id: ada.id, name: 'Ada Lovelace' }, updateMask: ['name'] });
  expect((await one!.getUser({ id: ada.id })).name).toBe('Ada Lovelace');
  expect((await two!.getUser({ id: ada.id })).name).toBe('Ada Lovelace');
  expect([await lookUps(first, 'miss'), await lookUps(second, 'hit')]).toEqual([2, 2]);

  const id = randomUUID();
  const [missing, again] = await Promise.all(
    [one!, two!].map((users) => users.getUser({ id }).catch((error: unknown) => error)),
  );
  expect(missing).toBeInstanceOf(NotFound);
  expect(again).toBeInstanceOf(NotFound);
  await second.close();
  await first.close();
});
