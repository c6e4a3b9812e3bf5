/** A version of a package that was seen not to work here. */
interface BadVersion {
  readonly name: string;
  when(version: string, node: string): boolean;
  readonly why: string;
  readonly fix: string;
}

/** Whether a dotted version is `other` or newer. */
export function isAtLeast(version: string, other: string): boolean {
  const parts = (text: string) => text.split(/[.-]/).map(Number);
  const [mine, theirs] = [parts(version), parts(other)];
  const at = theirs.findIndex((part, index) => (mine[index] ?? 0) !== part);
  return at < 0 || (mine[at] ?? 0) > theirs[at]!;
}

const needsNode22 = (name: string, first: string, last: string): BadVersion => ({
  name,
  when: (version, node) => isAtLeast(version, first) && !isAtLeast(node, '22.0.0'),
  why: 'needs Node.js 22',
  fix: `Use ${name} ${last}, or Node.js 22 or newer.`,
});

const always = () => true;

export const BAD_VERSIONS: readonly BadVersion[] = [
  needsNode22('vitest', '5.0.0', '4.1'),
  needsNode22('keyv', '6.0.0', '5.6'),
  needsNode22('@opentelemetry/sdk-node', '0.224.0', '0.223'),
  {
    name: 'typescript',
    when: (version) => isAtLeast(version, '7.0.0'),
    why: "Nest's CLI does not build with it",
    fix: 'Use typescript ~6.0.3.',
  },
  {
    name: '@nestjs/schematics',
    when: (version) => !isAtLeast(version, '12.0.0'),
    why: 'writes code of Nest 11 (npm picks it on Node.js 20 unless the version is given)',
    fix: 'Use @nestjs/schematics 12.0.6.',
  },
  {
    name: '@bufbuild/buf',
    when: (version) => version === '1.75.0',
    why: '`npm ci` fails on other platforms than the one the lock was written on',
    fix: 'Use @bufbuild/buf 1.74.0.',
  },
  {
    name: 'cache-manager-redis-yet',
    when: always,
    why: 'cache-manager 7 takes its store for none, and caches in memory without a word',
    fix: 'Use @keyv/redis, or the cache of @rookery/cache.',
  },
  {
    name: 'nats',
    when: always,
    why: 'ended with 2.x, and Nest 12 loads its successor only',
    fix: 'Use @nats-io/transport-node and @nats-io/jetstream 3.',
  },
];

/** What `instanceof`, decorators and registries of a process know only of their own copy. */
export const SINGLE = [
  '@grpc/grpc-js',
  '@nestjs/common',
  '@nestjs/core',
  '@nestjs/microservices',
  'class-transformer',
  'class-validator',
  'reflect-metadata',
  'rxjs',
  'typeorm',
];
