import { describe, expect, it } from 'vitest';
import {
  ConfigError,
  EnvBoolean,
  EnvDuration,
  EnvEnum,
  EnvInteger,
  EnvList,
  EnvString,
  EnvUrl,
  Environment,
  documentConfig,
  loadConfig,
} from './index.js';

class PoolConfig {
  @EnvUrl({
    name: 'DATABASE_URL',
    description: 'Where.',
    protocols: ['postgres', 'postgresql'],
    optional: true,
    requiredInProduction: true,
    unset: 'embedded',
  })
  readonly url?: string;

  @EnvInteger({ name: 'POOL_MAX', description: 'How many.', default: 25, min: 1, max: 1000 })
  readonly max!: number;

  @EnvDuration({ name: 'POOL_IDLE', description: 'How long.', default: '5m', productionDefault: '1m', max: '1h' })
  readonly idle!: number;
}

class OtherConfig {
  @EnvEnum({ name: 'COLOUR', description: 'Which.', values: ['red', 'blue'], default: 'red' })
  readonly colour!: 'red' | 'blue';

  @EnvBoolean({ name: 'FAST', description: 'Whether.', default: false })
  readonly fast!: boolean;

  @EnvString({ name: 'TOKEN', description: 'Secret.', secret: true, pattern: /^t-/, takes: 'a token', optional: true })
  readonly token?: string;

  @EnvList({ name: 'ORIGINS', description: 'From where.', default: [] })
  readonly origins!: readonly string[];
}

const load = (variables: Record<string, string>) => loadConfig([PoolConfig, OtherConfig], new Environment(variables));

function problems(variables: Record<string, string>) {
  try {
    load(variables);
  } catch (error) {
    if (error instanceof ConfigError) return error;
  }
  throw new Error('the configuration was accepted');
}

describe('loadConfig', () => {
  it('uses defaults, those of production there; empty is unset', () => {
    const [pool, other] = load({ POOL_MAX: '' });
    expect(pool).toMatchObject({ max: 25, idle: 300_000, url: undefined });
    expect(other).toMatchObject({ colour: 'red', fast: false, origins: [] });
    expect(load({ NODE_ENV: 'production', DATABASE_URL: 'postgres://h/d' })[0].idle).toBe(60_000);
  });

  it('parses what is set', () => {
    const [pool, other] = load({ POOL_MAX: '7', POOL_IDLE: '250ms', FAST: 'true', ORIGINS: 'a, b', TOKEN: 't-1' });
    expect(pool).toMatchObject({ max: 7, idle: 250 });
    expect(other).toMatchObject({ fast: true, origins: ['a', 'b'], token: 't-1' });
  });

  it('reports every problem of every class at once, secrets masked', () => {
    const error = problems({
      DATABASE_URL: 'mysql://u:hush@h/d',
      POOL_MAX: '1.5',
      POOL_IDLE: '2h',
      COLOUR: 'green',
      FAST: 'yes',
      TOKEN: 'hush',
    });
    expect(error.exitCode).toBe(78);
    expect(error.problems.map(({ variable }) => variable)).toEqual([
      'DATABASE_URL',
      'POOL_MAX',
      'POOL_IDLE',
      'COLOUR',
      'FAST',
      'TOKEN',
    ]);
    expect(error.message).toContain('POOL_MAX: got "1.5"; takes a whole number from 1 to 1000');
    expect(error.message).toContain('mysql://u:*****@h/d');
    expect(error.message).not.toContain('hush');
  });

  it.each(['postgres://app:ab/cd==@db/users', 'mysql://u:p@hush@h/d', 'nonsense://u:hush/hush@h'])(
    'masks the password of %s, whatever is in it',
    (url) => expect(problems({ DATABASE_URL: url.replace('ab/cd==', 'hush/hush==') }).message).not.toContain('hush'),
  );

  it('names a variable that production requires', () => {
    expect(problems({ NODE_ENV: 'production' }).message).toContain('DATABASE_URL: is not set');
  });
});

it('documents what the classes declare', () => {
  const text = documentConfig([{ title: 'Pool', type: PoolConfig }]);
  expect(text).toContain(
    '| `POOL_IDLE` | a duration from 0s to 1h, such as 250ms, 5s or 5m | `5m`; `1m` in production | How long. |',
  );
  expect(text).toContain('embedded; **required in production**');
});
