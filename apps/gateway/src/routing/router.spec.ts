import { describe, expect, it } from 'vitest';
import { InvalidArgument } from '@rookery/errors';
import { parsePathTemplate } from './path-template.js';
import { Router } from './router.js';

function routerOf(...routes: string[]) {
  const router = new Router(
    routes.map((route) => {
      const [verb = '', source = ''] = route.split(' ');
      return { verb, template: parsePathTemplate(source) };
    }),
  );
  /** What a request leads to, in one line. */
  return (verb: string, path: string): string => {
    const match = router.match(verb, path);
    if (match.kind === 'none') return 'none';
    if (match.kind === 'wrong-verb') return `405 ${match.allowed.join()}`;
    return [match.route.template.source, ...match.values].join(' | ');
  };
}

describe('Router', () => {
  const users = routerOf(
    'GET /v1/users/{id}',
    'DELETE /v1/users/{id}',
    'GET /v1/users/me',
    'GET /v1/users',
    'POST /v1/users',
    'GET /v1/users:stream',
    'GET /v1/users/{user_id}/posts',
    'POST /v1/users/{id}:ban',
    'GET /v1/users/{a}/{b=**}',
  );

  it.each([
    ['GET', '/v1/users', '/v1/users'],
    ['GET', '/v1/users/42', '/v1/users/{id} | 42'],
    ['GET', '/v1/users/me', '/v1/users/me'],
    ['GET', '/v1/us%65rs/me', '/v1/users/me'],
    ['GET', '/v1/users:stream', '/v1/users:stream'],
    ['GET', '/v1/users/42/posts', '/v1/users/{user_id}/posts | 42'],
    ['POST', '/v1/users/42:ban', '/v1/users/{id}:ban | 42'],
    ['GET', '/v1/users/42/x/y', '/v1/users/{a}/{b=**} | 42 | x/y'],
    ['HEAD', '/v1/users/42', '/v1/users/{id} | 42'],
  ])('%s %s', (verb, path, expected) => expect(users(verb, path)).toBe(expected));

  it('lets a more general route answer for a verb that the literal one lacks', () => {
    expect(users('DELETE', '/v1/users/me')).toBe('/v1/users/{id} | me');
  });

  it('takes an unknown custom verb, or an encoded colon, as part of the value', () => {
    expect(users('GET', '/v1/users/a:b')).toBe('/v1/users/{id} | a:b');
    expect(users('GET', '/v1/users/42%3Aban')).toBe('/v1/users/{id} | 42:ban');
  });

  it.each([
    ['/', 'none'],
    ['/v1', 'none'],
    ['/v1/users/', 'none'],
    ['//v1/users', 'none'],
    ['/v2/users', 'none'],
    ['/v1/users//posts', 'none'],
  ])('knows nothing at %s', (path, expected) =>
    expect(routerOf('GET /v1/users', 'GET /v1/users/{id}')('GET', path)).toBe(expected),
  );

  it('says which verbs a path takes', () => {
    expect(users('PUT', '/v1/users')).toBe('405 GET,HEAD,POST');
    expect(users('GET', '/v1/users/42:ban')).toBe('405 POST');
    expect(users('PUT', '/v1/users/me')).toBe('405 DELETE,GET,HEAD');
  });

  it('decodes one segment wholly, and of several all but slashes', () => {
    const find = routerOf('GET /v1/a/{x}', 'GET /v1/{y=b/*}', 'GET /v1/c/{z=**}');
    expect(find('GET', '/v1/a/x%2Fy%20%C3%A9')).toBe('/v1/a/{x} | x/y é');
    expect(find('GET', '/v1/b/x%2Fy%20z')).toBe('/v1/{y=b/*} | b/x%2Fy z');
    expect(find('GET', '/v1/c/x/y%2fz/%41')).toBe('/v1/c/{z=**} | x/y%2fz/A');
    expect(find('GET', '/v1/c')).toBe('/v1/c/{z=**} | ');
  });

  it('refuses a broken encoding', () => {
    expect(() => users('GET', '/v1/users/%')).toThrow(InvalidArgument);
    expect(() => users('GET', '/v1/users/%ff')).toThrow('broken percent-encoding in "%ff"');
  });

  it('takes any verb where the proto says so', () => {
    const find = routerOf('* /v1/any', 'GET /v1/any');
    expect(find('PURGE', '/v1/any')).toBe('/v1/any');
  });
});
