import { describe, expect, it } from 'vitest';
import { bySpecificity, checkPattern, checkSubject, matches } from './subject.js';

describe('a pattern', () => {
  it.each([
    ['a.b', 'a.b', true],
    ['a.b', 'a.c', false],
    ['a.b', 'a', false],
    ['a.b', 'a.b.c', false],
    ['a.*', 'a.b', true],
    ['a.*', 'a', false],
    ['a.*', 'a.b.c', false],
    ['*.b', 'a.b', true],
    ['a.>', 'a.b.c', true],
    ['a.>', 'a', false],
    ['>', 'a', true],
  ])('%s matches %s: %s', (pattern, subject, expected) => {
    expect(matches(pattern, subject)).toBe(expected);
  });

  it('that says more about a subject comes first', () => {
    expect(['>', 'a.>', '*.b', 'a.*', 'a.b'].sort(bySpecificity)).toEqual(['a.b', 'a.*', 'a.>', '*.b', '>']);
  });

  it.each(['', 'a..b', 'a b', '.a', 'a.', 'a.>.b', 'a.b*', '>a'])('"%s" is none', (pattern) => {
    expect(() => checkPattern(pattern)).toThrow(TypeError);
  });

  it.each(['a', 'a.*.c', 'a.>', '>', '{"cmd":"sum"}'])('"%s" is one', (pattern) => {
    expect(() => checkPattern(pattern)).not.toThrow();
  });
});

it.each(['a.*', '>', '', 'a b'])('"%s" is no subject of a message', (subject) => {
  expect(() => checkSubject(subject)).toThrow(TypeError);
});
