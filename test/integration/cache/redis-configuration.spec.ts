import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { parse } from 'yaml';

interface Compose {
  services: { redis: { command: string[]; volumes?: string[] } };
}
interface StatefulSet {
  spec: {
    template: { spec: { containers: { command: string[]; args: string[] }[]; volumes: object[] } };
    volumeClaimTemplates?: object[];
  };
}

const compose = parse(readFileSync('docker-compose.yml', 'utf8')) as Compose;
const statefulSet = parse(readFileSync('k8s/base/infra/redis/statefulset.yaml', 'utf8')) as StatefulSet;
const { containers, volumes } = statefulSet.spec.template.spec;

/** `redis-server --save '' …` by option. */
function optionsOf([program, ...rest]: string[]): Record<string, string> {
  expect(program).toBe('redis-server');
  return Object.fromEntries(
    Array.from({ length: rest.length / 2 }, (_, pair) => [rest[2 * pair]!, rest[2 * pair + 1]!]),
  );
}

it.each([
  { where: 'docker-compose.yml', command: compose.services.redis.command },
  { where: 'Kubernetes', command: [...containers[0]!.command, ...containers[0]!.args] },
])('$where: Redis comes back empty, and is bounded by dropping what is used least', ({ command }) => {
  expect(optionsOf(command)).toMatchObject({
    '--save': '',
    '--appendonly': 'no',
    '--maxmemory': expect.stringMatching(/^\d+mb$/),
    '--maxmemory-policy': 'allkeys-lru',
  });
});

it('gives Redis no disk that an old snapshot could be on', () => {
  expect(compose.services.redis.volumes ?? []).toEqual([]);
  expect(statefulSet.spec.volumeClaimTemplates).toBeUndefined();
  for (const volume of volumes) expect(volume).toHaveProperty('emptyDir');
});
