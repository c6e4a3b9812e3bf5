import { type MessageInitShape, create, createFileRegistry } from '@bufbuild/protobuf';
import {
  type FieldDescriptorProto,
  FieldDescriptorProtoSchema,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
  FileDescriptorSetSchema,
} from '@bufbuild/protobuf/wkt';
import { Order } from '@rookery/contracts/order/v1';
import { User } from '@rookery/contracts/user/v1';
import { expect, it } from 'vitest';
import { messageFingerprints } from '../message-fingerprints.mjs';
import { schemaName } from './schema-name.js';

function field(number: number, name: string, more: MessageInitShape<typeof FieldDescriptorProtoSchema> = {}) {
  return create(FieldDescriptorProtoSchema, { number, name, label: Label.OPTIONAL, type: Type.STRING, ...more });
}

/** Shelf → Book (and back) → Binding, and Card apart from them. */
function fingerprints(bookFields: FieldDescriptorProto[], bindings = ['PAPER', 'CLOTH']) {
  const book = { type: Type.MESSAGE, typeName: '.t.Book' };
  const file = {
    name: 't.proto',
    package: 't',
    syntax: 'proto3',
    messageType: [
      { name: 'Shelf', field: [field(1, 'books', { ...book, label: Label.REPEATED })] },
      { name: 'Book', field: [...bookFields, field(9, 'sequel', book)] },
      { name: 'Card', field: [field(1, 'name')] },
    ],
    enumType: [{ name: 'Binding', value: bindings.map((name, number) => ({ name, number })) }],
  };
  return messageFingerprints(createFileRegistry(create(FileDescriptorSetSchema, { file: [file] })));
}

const title = field(1, 'title');
const binding = field(2, 'binding', { type: Type.ENUM, typeName: '.t.Binding' });
const before = fingerprints([title, binding]);

it.each([
  ['a field is added', fingerprints([title, binding, field(3, 'author')])],
  ['a field has another type', fingerprints([field(1, 'title', { type: Type.BYTES }), binding])],
  ['a field has another number', fingerprints([field(4, 'title'), binding])],
  ['a field is renamed', fingerprints([field(1, 'heading'), binding])],
  ['a field is repeated', fingerprints([field(1, 'title', { label: Label.REPEATED }), binding])],
  ['an enum has one more value', fingerprints([title, binding], ['PAPER', 'CLOTH', 'LEATHER'])],
])('changes for every message that reaches it when %s', (_what, after) => {
  expect(after['t.Book']).not.toBe(before['t.Book']);
  expect(after['t.Shelf']).not.toBe(before['t.Shelf']);
  expect(after['t.Card']).toBe(before['t.Card']);
});

it('does not depend on the order of declarations', () => {
  expect(fingerprints([binding, title])).toEqual(before);
});

it('names every message of proto/ with its fingerprint', () => {
  expect(schemaName(User)).toMatch(/^user\.v1\.User@[\w-]{10}$/);
  expect(schemaName(Order)).toMatch(/^order\.v1\.Order@[\w-]{10}$/);
});

it('names a message from elsewhere by what its codec says, or by its name alone', () => {
  expect(schemaName({ ...User, $type: 'elsewhere.Book' })).toBe('elsewhere.Book');
  expect(schemaName({ ...User, $type: 'elsewhere.Book', $fingerprint: 'v2' })).toBe('elsewhere.Book@v2');
});
