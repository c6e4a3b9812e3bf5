import { EnvBoolean, EnvDuration, EnvInteger, EnvString } from '@rookery/config';
import { DEFAULT_LIMITS } from './server/grpc-limits.js';

/** The gRPC server of a service: where it listens and what it allows (`GrpcLimits`). */
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
    default: DEFAULT_LIMITS.maxMessageBytes,
    min: 1024,
    max: 256 * 1024 * 1024,
  })
  readonly maxMessageBytes!: number;

  @EnvInteger({
    name: 'GRPC_MAX_METADATA_BYTES',
    description: 'A call with more metadata (keys and values) is refused with RESOURCE_EXHAUSTED.',
    default: DEFAULT_LIMITS.maxMetadataBytes,
    min: 1024,
    max: 60 * 1024,
  })
  readonly maxMetadataBytes!: number;

  @EnvInteger({
    name: 'GRPC_MAX_CONCURRENT_STREAMS',
    description: 'Calls at a time on one connection; a client queues what is more.',
    default: DEFAULT_LIMITS.maxConcurrentStreams,
    min: 1,
    max: 1_000_000,
  })
  readonly maxConcurrentStreams!: number;

  @EnvInteger({
    name: 'GRPC_MAX_BUFFERED_BYTES',
    description:
      'Replies of a stream that may wait for a slow reader when the handler returns an Observable, which cannot be paused.',
    default: DEFAULT_LIMITS.maxBufferedBytes,
    min: 64 * 1024,
    max: 1024 * 1024 * 1024,
  })
  readonly maxBufferedBytes!: number;

  @EnvDuration({
    name: 'GRPC_DEFAULT_TIMEOUT',
    description: 'What a unary call may take whose caller sets no deadline; 0s for no limit.',
    default: '30s',
  })
  readonly defaultTimeout!: number;

  @EnvDuration({
    name: 'GRPC_MAX_CONNECTION_AGE',
    description:
      'A connection older than this (give or take 10 %) is told to go, so that clients behind a balancer of connections spread over new replicas; 0s for never.',
    default: '30m',
  })
  readonly maxConnectionAge!: number;

  @EnvDuration({
    name: 'GRPC_CONNECTION_AGE_GRACE',
    description: 'How long the calls of such a connection may go on.',
    default: '1m',
  })
  readonly connectionAgeGrace!: number;

  @EnvDuration({
    name: 'GRPC_MIN_PING_INTERVAL',
    description: 'A client that pings an idle connection more often is told to calm down and cut off; 0s for never.',
    default: '10s',
  })
  readonly minPingInterval!: number;

  @EnvDuration({
    name: 'GRPC_KEEPALIVE_TIME',
    description: 'The server asks a silent connection after this time whether it is alive.',
    default: '1m',
    min: '1s',
  })
  readonly keepaliveTime!: number;

  @EnvDuration({
    name: 'GRPC_KEEPALIVE_TIMEOUT',
    description: 'How long it waits for the answer before it closes the connection.',
    default: '20s',
    min: '1s',
  })
  readonly keepaliveTimeout!: number;

  @EnvString({
    name: 'GRPC_TLS_CERT',
    description: 'A PEM file with the certificate chain of the server; with GRPC_TLS_KEY it speaks TLS only.',
    optional: true,
    unset: 'plain text',
  })
  readonly tlsCert?: string;

  @EnvString({
    name: 'GRPC_TLS_KEY',
    description: 'A PEM file with its private key.',
    optional: true,
    unset: 'plain text',
  })
  readonly tlsKey?: string;

  @EnvString({
    name: 'GRPC_TLS_CLIENT_CA',
    description: 'A PEM file with who signs the certificates of clients; a client without one is then refused.',
    optional: true,
    unset: 'clients need no certificate',
  })
  readonly tlsClientCa?: string;

  @EnvBoolean({
    name: 'GRPC_REFLECTION',
    description: 'Whether clients may ask the server for its protos.',
    default: true,
    productionDefault: false,
  })
  readonly reflection!: boolean;
}
