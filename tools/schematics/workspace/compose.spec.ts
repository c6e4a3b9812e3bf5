import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { addToCompose, removeFromCompose } from './compose.js';

const COMPOSE = readFileSync('docker-compose.yml', 'utf8');
const EVERYTHING = { app: 'made-up-service', role: 'made_up_service', database: true, cache: true, messaging: true };
const NOTHING = { ...EVERYTHING, database: false, cache: false, messaging: false };

interface Composed {
  services: Record<string, { environment: Record<string, unknown>; depends_on?: Record<string, unknown> }>;
}
const servicesOf = (text: string) => (parse(text, { merge: true }) as Composed).services;

describe('a service in docker-compose.yml', () => {
  it.each([EVERYTHING, NOTHING, { ...EVERYTHING, app: 'quite-made-up-service' }])(
    'goes as it came, with comments and order as they were: %j',
    (service) => {
      const added = addToCompose(COMPOSE, service);
      expect(servicesOf(added)).toHaveProperty([service.app]);
      expect(removeFromCompose(added, service)).toBe(COMPOSE);
    },
  );

  it('is started after the servers that it uses, and before the gateway', () => {
    const { 'made-up-service': made, gateway } = servicesOf(addToCompose(COMPOSE, EVERYTHING));
    expect(Object.keys(made!.depends_on!)).toEqual(['postgres', 'redis', 'nats']);
    expect(gateway!.depends_on).toHaveProperty('made-up-service');
  });

  it('that uses no servers has no address of any', () => {
    const { 'made-up-service': made } = servicesOf(addToCompose(COMPOSE, NOTHING));
    expect(made!.depends_on).toBeUndefined();
    expect(Object.keys(made!.environment).filter((name) => name.endsWith('_URL'))).toEqual([]);
  });

  it('goes with what was written into it by hand, and with what was started after it', () => {
    const caller = { ...EVERYTHING, app: 'calling-service' };
    const before = addToCompose(COMPOSE, caller);
    const added = addToCompose(before, EVERYTHING)
      .replace('    image: rookery/made-up-service:dev\n', '$&\n    # By hand.\n    mem_limit: 1g\n')
      .replace(/ {2}calling-service:\n[^]*?nats: \*healthy\n/, '$&      made-up-service: *healthy\n');
    expect(servicesOf(added)[caller.app]!.depends_on).toHaveProperty('made-up-service');
    expect(removeFromCompose(added, EVERYTHING)).toBe(before);
  });

  it('is refused where there is no gateway to put it before', () => {
    expect(() => addToCompose('services:\n  postgres:\n    image: postgres\n', EVERYTHING)).toThrow('no gateway');
  });
});
