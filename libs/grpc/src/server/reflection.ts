import { loadFileDescriptorSetFromBuffer } from '@grpc/proto-loader';
import { ReflectionService } from '@grpc/reflection';
import { DESCRIPTOR_SET_BASE64 } from '@rookery/contracts';
import type { GrpcServer } from './grpc-server.js';

/** Lets clients such as `buf curl` ask for the protos of `services` (full names). Before `listen`. */
export function addReflection(server: GrpcServer, services: string[]): void {
  const definitions = loadFileDescriptorSetFromBuffer(Buffer.from(DESCRIPTOR_SET_BASE64, 'base64'));
  new ReflectionService(definitions, { services }).addToServer({
    addService: (definition, implementation) => server.addService(definition, implementation),
  });
}
