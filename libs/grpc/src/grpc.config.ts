import { EnvBoolean, EnvDuration, EnvInteger, EnvString } from '@rookery/config';

/** The gRPC server of a service. */
export class GrpcConfig {
  @EnvString({
    name: 'GRPC_HOST',
    description: 'The address that the gRPC server and the probes listen on.',
    default: '127.0.0.1',
    productionDefault: '0.0.0.0',
  })
  readonly host!: string;

  @EnvInteger({
    name: 'GRPC_PORT',
    description: 'The port of the gRPC server; 0 takes a free one.',
    optional: true,
    unset: 'the port of the service’s declaration',
    min: 0,
    max: 65_535,
  })
  readonly port?: number;

  @EnvInteger({
    name: 'GRPC_MAX_MESSAGE_BYTES',
    description: 'A longer request is refused with RESOURCE_EXHAUSTED.',
    default: 4 * 1024 * 1024,
    min: 1024,
    max: 256 * 1024 * 1024,
  })
  readonly maxMessageBytes!: number;

  @EnvBoolean({
    name: 'GRPC_REFLECTION',
    description: 'Whether clients may ask the server for its protos.',
    default: true,
    productionDefault: false,
  })
  readonly reflection!: boolean;

  @EnvDuration({
    name: 'GRPC_CLIENT_TIMEOUT',
    description: 'The deadline of a unary call to another service when the call being served leaves more, or has none.',
    default: '10s',
    min: '1ms',
  })
  readonly clientTimeout!: number;
}
