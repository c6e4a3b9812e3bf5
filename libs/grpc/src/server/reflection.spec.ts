import { DESCRIPTOR_SET_BASE64 } from '@rookery/contracts';
import { fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { describe, expect, it } from 'vitest';
import { DescriptorIndex } from './descriptor-index.js';

const index = new DescriptorIndex(Buffer.from(DESCRIPTOR_SET_BASE64, 'base64'));
const namesOf = (files: Uint8Array[]) => files.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes).name);

describe('the descriptor index', () => {
  it.each([
    'user.v1.UserService',
    'user.v1.UserService.GetUser',
    'user.v1.User',
    'user.v1.User.email',
    'user.v1.GetUserRequest',
  ])('finds the file of %s', (symbol) => expect(index.fileOf(symbol)?.proto.name).toBe('user/v1/user.proto'));

  it('finds files by their names, and none for what is not there', () => {
    expect(index.fileNamed('order/v1/order.proto')?.proto.package).toBe('order.v1');
    expect(index.fileNamed('nothing.proto')).toBeUndefined();
    expect(index.fileOf('user.v1.Nothing')).toBeUndefined();
    expect(index.fileOf('Nothing')).toBeUndefined();
  });

  it('gives a file with everything it imports, each once, itself first', () => {
    const names = namesOf(index.withImports(index.fileOf('order.v1.Order')!));
    expect(names[0]).toBe('order/v1/order.proto');
    expect(names).toEqual(
      expect.arrayContaining(['google/type/money.proto', 'google/api/http.proto', 'google/protobuf/descriptor.proto']),
    );
    expect(new Set(names).size).toBe(names.length);
  });

  it('finds extensions by the type they extend', () => {
    expect(index.extension('google.protobuf.MethodOptions', 72295728)?.file.proto.name).toBe(
      'google/api/annotations.proto',
    );
    expect(index.extensionsOf('google.protobuf.MethodOptions').map(({ number }) => number)).toContain(72295728);
    expect(index.extension('google.protobuf.MethodOptions', 1)).toBeUndefined();
  });
});
