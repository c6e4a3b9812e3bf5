import {
  type DescExtension,
  type DescFile,
  type FileRegistry,
  createFileRegistry,
  fromBinary,
  toBinary,
} from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';

/** Finds the files of a descriptor set by name, symbol or extension. */
export class DescriptorIndex {
  private readonly registry: FileRegistry;

  /** @param descriptorSet an encoded google.protobuf.FileDescriptorSet with all imports */
  constructor(descriptorSet: Uint8Array) {
    this.registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptorSet));
  }

  fileNamed(name: string): DescFile | undefined {
    return this.registry.getFile(name);
  }

  /** The file that declares a message, enum, service or extension, or the parent of a field, method or value. */
  fileOf(symbol: string): DescFile | undefined {
    const found = this.registry.get(symbol);
    if (found) return found.file;
    const parent = symbol.slice(0, symbol.lastIndexOf('.'));
    return parent === '' ? undefined : this.registry.get(parent)?.file;
  }

  extension(type: string, number: number): DescExtension | undefined {
    return this.extensionsOf(type).find((extension) => extension.number === number);
  }

  extensionsOf(type: string): DescExtension[] {
    return [...this.registry].filter(
      (found): found is DescExtension => found.kind === 'extension' && found.extendee.typeName === type,
    );
  }

  /** The encoded descriptors of `file` and of everything it imports, itself first. */
  withImports(file: DescFile, seen = new Set<string>()): Uint8Array[] {
    if (seen.has(file.proto.name)) return [];
    seen.add(file.proto.name);
    const own = toBinary(FileDescriptorProtoSchema, file.proto);
    return [own, ...file.dependencies.flatMap((imported) => this.withImports(imported, seen))];
  }
}
