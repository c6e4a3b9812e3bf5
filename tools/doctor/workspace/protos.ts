import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type DescService, type FileRegistry, createFileRegistry, fromBinary, getOption } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { buf } from './buf.js';
import { lineOf, place } from './place.js';

/** A gRPC service of proto/. */
export interface ProtoService {
  readonly desc: DescService;
  /** Its `google.api.default_host`. */
  readonly host: { readonly name: string; readonly port: number } | undefined;
  /** Where the service, or one of its RPCs, is declared. */
  at(rpc?: string): string;
}

/** The services of the protos as they are on disk. @throws {Error} with what buf says when they do not build */
export function readProtoServices(root: string): ProtoService[] {
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, build(root)));
  const own = [...registry.files].filter(({ proto }) => existsSync(join(root, 'proto', proto.name)));
  return own.flatMap((file) => {
    const path = `proto/${file.proto.name}`;
    const text = readFileSync(join(root, path), 'utf8');
    return file.services.map((desc) => ({
      desc,
      host: hostOf(registry, desc),
      at: (rpc?: string) =>
        place(
          path,
          lineOf(text, rpc ? new RegExp(`\\brpc\\s+${rpc}\\b`) : new RegExp(`\\bservice\\s+${desc.name}\\b`)),
        ),
    }));
  });
}

function hostOf(registry: FileRegistry, desc: DescService): ProtoService['host'] {
  const option = registry.getExtension('google.api.default_host');
  const [name, port] = option ? String(getOption(desc, option)).split(':') : [];
  return name ? { name, port: Number(port) } : undefined;
}

function build(root: string): Uint8Array {
  const { status, stdout, stderr } = buf(root, 'build', '-o', '-#format=binpb');
  if (status !== 0) throw new Error(`the protos do not build: ${stderr}`.trim());
  return stdout;
}
