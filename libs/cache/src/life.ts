import { durationToMs } from '@rookery/config';

/**
 * Milliseconds of the option `name`. A misspelt duration would switch the cache off, so it is refused.
 * @throws {TypeError}
 */
export function lifeOf(name: 'ttl' | 'staleFor', value: string | number | undefined): number | undefined {
  if (value === undefined) return undefined;
  const life = durationToMs(value);
  if (Number.isNaN(life)) throw new TypeError(`${name} is a duration such as '5m', or milliseconds, not '${value}'`);
  return life;
}
