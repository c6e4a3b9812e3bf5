import { toJson } from '@bufbuild/protobuf';
import { InvalidArgument } from '@rookery/errors';
import { describe, expect, it } from 'vitest';
import { libraryDescriptors } from '../descriptors/library.fixture.js';
import { ApiRegistry } from '../descriptors/registry.js';
import { bindRequest } from './request-binding.js';

const api = new ApiRegistry(libraryDescriptors());

function bindingOf(rpc: string) {
  const binding = api.bindings.find((candidate) => candidate.rpc.endsWith(`/${rpc}`));
  if (!binding) throw new Error(`no binding of ${rpc}`);
  return binding;
}

/** The request as protojson: what was bound, and nothing that was not. */
function bind(rpc: string, parts: { query?: string; values?: string[]; body?: unknown; text?: string | Uint8Array }) {
  const { query = '', values = [], body, text } = parts;
  const bytes = body === undefined ? text : JSON.stringify(body);
  const message = bindRequest(api, bindingOf(rpc), {
    values,
    query,
    body: bytes === undefined ? undefined : Buffer.from(bytes),
  });
  return toJson(bindingOf(rpc).method.input, message, { registry: api.types });
}

function violations(rpc: string, parts: Parameters<typeof bind>[1]) {
  try {
    const accepted = bind(rpc, parts);
    throw new Error(`accepted: ${JSON.stringify(accepted)}`);
  } catch (error) {
    if (error instanceof InvalidArgument) return error.violations;
    throw error;
  }
}

const search = (query: string) => bind('SearchBooks', { query });

describe('query parameters', () => {
  it.each([
    ['title=a%20b+c%2Bd', { title: 'a b c+d' }],
    ['author.first_name=Ann&author.lastName=B', { author: { firstName: 'Ann', lastName: 'B' } }],
    ['genres=GENRE_SCIENCE_FICTION&genres=0', { genres: ['GENRE_SCIENCE_FICTION', 'GENRE_UNSPECIFIED'] }],
    ['years=1999&years=-2000', { years: [1999, -2000] }],
    ['printed=true', { printed: true }],
    [
      'copies=-9223372036854775808&weight=18446744073709551615',
      { copies: '-9223372036854775808', weight: '18446744073709551615' },
    ],
    ['price=1.5e3', { price: 1500 }],
    ['price=NaN', { price: 'NaN' }],
    ['digest=aGk%3D', { digest: 'aGk=' }],
    ['since_time=2026-01-02T03:04:05Z', { sinceTime: '2026-01-02T03:04:05Z' }],
    ['maxAge=3.5s', { maxAge: '3.500s' }],
    ['read_mask=title,create_time,author.first_name', { readMask: 'title,createTime,author.firstName' }],
    ['readMask=createTime', { readMask: 'createTime' }],
    ['min_pages=7&signed=false', { minPages: 7, signed: false }],
    ['note=', { note: '' }],
    ['box=5', { box: '5' }],
    ['like.author.last_name=C&like.genre=1', { like: { author: { lastName: 'C' }, genre: 'GENRE_SCIENCE_FICTION' } }],
    ['', {}],
    ['&&title=x&', { title: 'x' }],
  ])('%s', (query, expected) => expect(search(query)).toEqual(expected));

  it.each([
    ['nope=1', 'nope', 'is not a field of library.v1.SearchBooksRequest'],
    ['author.nope=1', 'author.nope', 'is not a field of library.v1.Author'],
    ['title.x=1', 'title.x', 'goes through title, which has no fields to name'],
    ['author=x', 'author', 'is a library.v1.Author; name one of its fields'],
    ['authors.first_name=x', 'authors.first_name', 'goes through authors, which has no fields to name'],
    ['labels=x', 'labels', 'is a map, which a URL cannot hold; send it in a body'],
    ['facts=x', 'facts', 'is a google.protobuf.Struct; name one of its fields'],
    ['title=a&title=b', 'title', 'is given twice'],
    ['printed=1', 'printed', 'expected true or false, got "1"'],
    ['years=0x10', 'years', 'expected a whole number, got "0x10"'],
    ['years=3000000000', 'years', 'out of range'],
    ['copies=9223372036854775808', 'copies', '9223372036854775808'],
    ['price=x', 'price', 'expected a number, got "x"'],
    ['genres=WESTERN', 'genres', 'expected one of GENRE_UNSPECIFIED, GENRE_SCIENCE_FICTION, got "WESTERN"'],
    ['since_time=yesterday', 'since_time', 'invalid RFC 3339 string'],
    ['max_age=3', 'max_age', ''],
    ['digest=%25%25', 'digest', ''],
    ['shelf=a&box=1', 'box', 'cannot be given together with shelf'],
    ['title=%ff', 'title', 'broken percent-encoding'],
  ])('refuses %s', (query, field, description) => {
    const found = violations('SearchBooks', { query });
    expect(found).toEqual([{ field, description: expect.stringContaining(description) }]);
  });

  it('reports every wrong parameter at once', () => {
    expect(
      violations('SearchBooks', { query: 'nope=1&years=x&title=fine&printed=2' }).map(({ field }) => field),
    ).toEqual(['nope', 'years', 'printed']);
  });

  it('refuses what the path or the body gives', () => {
    const values = ['shelves/1/books/2'];
    expect(violations('GetBook', { values, query: 'name=x' })[0]?.description).toBe('is given by the path');
    expect(violations('UpdateBook', { values, query: 'book.title=x' })[0]?.description).toBe('is given by the body');
  });
});

describe('bodies', () => {
  const values = ['shelves/1/books/2'];
  const update = (body: unknown, query = '') => bind('UpdateBook', { values, body, query });

  it('takes the path over the body, and what is left from the query', () => {
    expect(update({ name: 'other', title: 'T' }, 'allow_missing=true')).toEqual({
      book: { name: 'shelves/1/books/2', title: 'T' },
      updateMask: 'title',
      allowMissing: true,
    });
  });

  it('takes proto names and JSON names', () => {
    expect(update({ author: { first_name: 'A', lastName: 'B' } })).toMatchObject({
      book: { author: { firstName: 'A', lastName: 'B' } },
    });
  });

  it('takes a body that is one scalar', () => {
    expect(bind('RenameBook', { values: ['n'], body: 'New title' })).toEqual({ name: 'n', title: 'New title' });
  });

  it.each([
    [{ nope: 1 }, 'book.nope', 'is not a field of library.v1.Book'],
    [{ title: 1 }, 'book.title', 'expected string, got 1'],
    [{ author: { nope: 1 } }, 'book.author.nope', 'is not a field of library.v1.Author'],
    [{ author: [] }, 'book.author', 'expected an object, got an array'],
    [{ editors: [{}, { firstName: 2 }] }, 'book.editors[1].first_name', 'expected string, got 2'],
    [{ editors: [null] }, 'book.editors[0]', 'expected an object, got null'],
    [{ editors: {} }, 'book.editors', 'expected an array, got an object'],
    [{ tags: ['a', 1] }, 'book.tags', 'list item #2'],
    [{ translators: { fr: { x: 1 } } }, 'book.translators["fr"].x', 'is not a field'],
    [{ ratings: { a: 'x' } }, 'book.ratings', ''],
    [{ genre: 'WESTERN' }, 'book.genre', ''],
    [{ createTime: 'x' }, 'book.create_time', 'invalid RFC 3339 string'],
    [{ title: '\ud800' }, 'book.title', 'invalid UTF8'],
    [[], 'book', 'expected an object, got an array'],
    ['x', 'book', 'expected an object, got a string'],
  ])('refuses %j, saying where', (body, field, description) => {
    expect(violations('UpdateBook', { values, body })).toEqual([
      { field, description: expect.stringContaining(description) },
    ]);
  });

  it('reports every wrong field at once, up to a limit', () => {
    const many = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`x${index}`, 1]));
    expect(violations('UpdateBook', { values, body: { title: 1, genre: {} } })).toHaveLength(2);
    expect(violations('UpdateBook', { values, body: many })).toHaveLength(20);
  });

  it.each([
    ['{', 'The body is not JSON'],
    ['{"title":"a"} {}', 'The body is not JSON'],
    ['{},"allowMissing":true', 'The body is not JSON'],
    [Buffer.from([0x22, 0xff, 0x22]), 'The body is not UTF-8'],
    ['{"title":"a","title":"b"}', 'duplicate object key'],
    [`${'{"sequel":'.repeat(150)}{}${'}'.repeat(150)}`, 'The body is no library.v1.Book'],
    [`{"facts":${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}}`, 'The body is no library.v1.Book'],
    ['['.repeat(100_000) + ']'.repeat(100_000), 'The body is no library.v1.Book'],
  ])('refuses %.30s', (text, message) => {
    expect(() => bind('UpdateBook', { values, text })).toThrow(InvalidArgument);
    expect(() => bind('UpdateBook', { values, text })).toThrow(message);
  });
});

describe('the mask of a PATCH', () => {
  const values = ['shelves/1/books/2'];
  const maskOf = (body: unknown, query = '') =>
    (bind('UpdateBook', { values, body, query }) as { updateMask?: string }).updateMask;

  it.each([
    [{ title: 'T' }, 'title'],
    [{ title: 'T', author: { firstName: 'A' } }, 'title,author.firstName'],
    [{ author: {} }, 'author'],
    [{ author: null }, 'author'],
    [{ tags: [], ratings: { a: 1 }, editors: [{ firstName: 'A' }] }, 'tags,ratings,editors'],
    [{ sequel: { author: { last_name: 'B' } } }, 'sequel.author.lastName'],
    [{ facts: { a: 1 } }, 'facts'],
  ])('%j gives %s', (body, mask) => expect(maskOf(body)).toBe(mask));

  it('leaves out what the caller cannot change', () => {
    expect(maskOf({ name: 'x', createTime: '2026-01-02T03:04:05Z', title: 'T' })).toBe('title');
    expect(maskOf({ name: 'x' })).toBeUndefined();
    expect(maskOf({})).toBeUndefined();
  });

  it("is the caller's own when there is one", () => {
    expect(maskOf({ title: 'T' }, 'updateMask=author.first_name')).toBe('author.firstName');
    expect(maskOf({ title: 'T' }, 'update_mask=')).toBe('');
  });
});
