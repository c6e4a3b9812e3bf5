import { once } from 'node:events';
import type { handleBidiStreamingCall } from '@grpc/grpc-js';
import type { DescFile } from '@bufbuild/protobuf';
import { DESCRIPTOR_SET_BASE64 } from '@rookery/contracts';
import { Code } from '@rookery/errors';
import {
  ServerReflectionDefinition,
  type ServerReflectionRequest,
  type ServerReflectionResponse,
} from '../generated/grpc/reflection/v1/reflection.js';
import type { DescriptorIndex } from './descriptor-index.js';
import type { GrpcServer } from './grpc-server.js';

type Answer = ServerReflectionResponse['messageResponse'];

/** v1alpha has the same messages under another name; clients older than 2023 know only that. */
const VERSIONS = ['v1', 'v1alpha'];

/**
 * Lets clients such as `buf curl` and `grpcurl` ask for the protos of `services` (full names). Before `listen`.
 * The descriptors, and what reads them, are loaded when the first client asks: a start costs nothing.
 * Protocol: https://github.com/grpc/grpc/blob/master/doc/server-reflection.md
 */
export function addReflection(server: GrpcServer, services: readonly string[]): void {
  let opened: Promise<DescriptorIndex> | undefined;
  const open = async () => {
    const { DescriptorIndex: Index } = await import('./descriptor-index.js');
    return new Index(Buffer.from(DESCRIPTOR_SET_BASE64, 'base64'));
  };
  const serve: handleBidiStreamingCall<ServerReflectionRequest, ServerReflectionResponse> = (call) => {
    // Answers go out in the order of their requests, the first one after the descriptors are there.
    let answered = Promise.resolve();
    call.on('data', (request: ServerReflectionRequest) => {
      answered = answered.then(async () => {
        opened ??= open();
        const messageResponse = answer(await opened, services, request.messageRequest);
        // A client that does not read gets no further answers.
        const room = call.write({ validHost: request.host, originalRequest: request, messageResponse });
        if (!room) await once(call, 'drain');
      });
      answered.catch(() => call.destroy());
    });
    call.on('end', () => void answered.then(() => call.end()).catch(() => undefined));
    call.on('error', () => undefined);
  };
  for (const version of VERSIONS) {
    const fullName = `grpc.reflection.${version}.ServerReflection`;
    server.addDefinition({ ...ServerReflectionDefinition, fullName }, { serverReflectionInfo: serve });
  }
}

function answer(
  index: DescriptorIndex,
  services: readonly string[],
  request: ServerReflectionRequest['messageRequest'],
): Answer {
  switch (request?.$case) {
    case 'listServices':
      return { $case: 'listServicesResponse', value: { service: services.map((name) => ({ name })) } };
    case 'fileByFilename':
      return fileAnswer(index, index.fileNamed(request.value), request.value);
    case 'fileContainingSymbol':
      return fileAnswer(index, index.fileOf(request.value), request.value);
    case 'fileContainingExtension': {
      const { containingType, extensionNumber } = request.value;
      const extension = index.extension(containingType, extensionNumber);
      return fileAnswer(index, extension?.file, `extension ${extensionNumber} of ${containingType}`);
    }
    case 'allExtensionNumbersOfType': {
      const extensionNumber = index.extensionsOf(request.value).map(({ number }) => number);
      return { $case: 'allExtensionNumbersResponse', value: { baseTypeName: request.value, extensionNumber } };
    }
    default:
      return failure(Code.INVALID_ARGUMENT, 'the request asks for nothing');
  }
}

function fileAnswer(index: DescriptorIndex, file: DescFile | undefined, what: string): Answer {
  if (!file) return failure(Code.NOT_FOUND, `${what} is not known here`);
  const fileDescriptorProto = index.withImports(file).map((bytes) => Buffer.from(bytes));
  return { $case: 'fileDescriptorResponse', value: { fileDescriptorProto } };
}

function failure(errorCode: Code, errorMessage: string): Answer {
  return { $case: 'errorResponse', value: { errorCode, errorMessage } };
}
