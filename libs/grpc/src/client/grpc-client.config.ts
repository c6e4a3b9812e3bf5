import { EnvBoolean, EnvDuration, EnvInteger, EnvString } from '@rookery/config';

/** The gRPC clients of a service. */
export class GrpcClientConfig {
  @EnvDuration({
    name: 'GRPC_CLIENT_TIMEOUT',
    description: 'The deadline of a unary call to another service when the call being served leaves more, or has none.',
    default: '10s',
    min: '1ms',
  })
  readonly timeout!: number;

  @EnvInteger({
    name: 'GRPC_CLIENT_MAX_MESSAGE_BYTES',
    description: 'A longer reply is refused with RESOURCE_EXHAUSTED.',
    default: 4 * 1024 * 1024,
    min: 1024,
    max: 256 * 1024 * 1024,
  })
  readonly maxMessageBytes!: number;

  @EnvDuration({
    name: 'GRPC_CLIENT_KEEPALIVE_TIME',
    description: 'How often a connection is asked whether it lives while calls run on it.',
    default: '20s',
    min: '1s',
  })
  readonly keepaliveTime!: number;

  @EnvDuration({
    name: 'GRPC_CLIENT_KEEPALIVE_TIMEOUT',
    description: 'Without an answer after this the connection is dead: its calls fail with UNAVAILABLE.',
    default: '10s',
    min: '100ms',
  })
  readonly keepaliveTimeout!: number;

  @EnvBoolean({
    name: 'GRPC_CLIENT_TLS',
    description: 'Whether calls to other services are encrypted, and their servers must show a certificate.',
    default: false,
  })
  readonly tls!: boolean;

  @EnvString({
    name: 'GRPC_CLIENT_TLS_CA',
    description: 'PEM file of the authorities that sign the servers’ certificates.',
    optional: true,
    unset: 'those that come with Node.js',
    takes: 'the path of a PEM file',
  })
  readonly tlsCa?: string;

  @EnvString({
    name: 'GRPC_CLIENT_TLS_CERT',
    description: 'PEM file of the certificate that this service shows to servers (mTLS).',
    optional: true,
    unset: 'none is shown',
    takes: 'the path of a PEM file',
  })
  readonly tlsCert?: string;

  @EnvString({
    name: 'GRPC_CLIENT_TLS_KEY',
    description: 'PEM file of the private key of GRPC_CLIENT_TLS_CERT.',
    optional: true,
    unset: 'none is used',
    takes: 'the path of a PEM file',
  })
  readonly tlsKey?: string;

  @EnvString({
    name: 'GRPC_CLIENT_TLS_SERVER_NAME',
    description: 'The name that the servers’ certificates are made for, where it is not the name in the target.',
    optional: true,
    unset: 'the name in the target',
    takes: 'a host name',
  })
  readonly tlsServerName?: string;
}
