import { describe, expect, it } from 'vitest';
import { parsePathTemplate } from './path-template.js';

describe('parsePathTemplate', () => {
  it.each([
    ['/v1/users', '/v1/users', [], ''],
    ['/v1/users/{id}', '/v1/users/*', ['id 2-3'], ''],
    ['/v1/users/{user.id}', '/v1/users/*', ['user.id 2-3'], ''],
    ['/v1/{name=shelves/*/books/*}', '/v1/shelves/*/books/*', ['name 1-5'], ''],
    ['/v1/{parent=shelves/*}/books/{id}', '/v1/shelves/*/books/*', ['parent 1-3', 'id 4-5'], ''],
    ['/v1/files/{path=**}', '/v1/files/**', ['path 2-3'], ''],
    ['/v1/*/x', '/v1/*/x', [], ''],
    ['/v1/users:stream', '/v1/users:stream', [], 'stream'],
    ['/v1/{id}:confirm', '/v1/*:confirm', ['id 1-2'], 'confirm'],
    ['/v1/{name=a/**}:go', '/v1/a/**:go', ['name 1-3'], 'go'],
  ])('%s', (source, shape, variables, verb) => {
    const template = parsePathTemplate(source);
    expect(template.shape).toBe(shape);
    expect(template.variables.map(({ name, start, end }) => `${name} ${start}-${end}`)).toEqual(variables);
    expect(template.verb).toBe(verb);
  });

  it.each([
    ['', 'does not start with a slash'],
    ['v1', 'does not start with a slash'],
    ['/v1//x', 'has an empty segment'],
    ['/v1/x/', 'has an empty segment'],
    ['/v1/{}', 'unusable name ""'],
    ['/v1/{a b}', 'unusable name "a b"'],
    ['/v1/{a', 'unusable part "{a"'],
    ['/v1/a}', 'unusable segment "a}"'],
    ['/v1/{a}b', 'unusable part "{a}b"'],
    ['/v1/{a={b}}', 'unusable segment "{b}"'],
    ['/v1/{a=}', 'has an empty segment'],
    ['/v1/**/x', 'has ** before its end'],
    ['/v1/{a}/{a}', 'has the variable {a} twice'],
    ['/v1/x:', 'unusable custom verb ""'],
    ['/v1/x:*', 'unusable custom verb "*"'],
  ])('refuses %j', (source, why) => {
    expect(() => parsePathTemplate(source)).toThrow(`the path template "${source}"`);
    expect(() => parsePathTemplate(source)).toThrow(why);
  });
});
