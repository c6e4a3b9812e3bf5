import { EnvBoolean, EnvDuration, EnvInteger, EnvList, EnvString } from '@rookery/config';

/** How the gateway listens and what it allows. Where the services are comes from `<NAME>_SERVICE_URL`, see grpc/. */
export class GatewayConfig {
  @EnvInteger({
    name: 'HTTP_PORT',
    description: 'The port of REST, SSE and the documentation.',
    default: 3000,
    min: 0,
    max: 65535,
  })
  readonly port!: number;

  @EnvString({
    name: 'HTTP_HOST',
    description: 'The address the gateway listens on.',
    default: '127.0.0.1',
    productionDefault: '0.0.0.0',
  })
  readonly host!: string;

  @EnvInteger({
    name: 'GATEWAY_BODY_LIMIT',
    description: 'The largest request body, in bytes; a larger one is answered with 413.',
    default: 1_048_576,
    min: 1024,
    max: 67_108_864,
  })
  readonly bodyLimit!: number;

  /** Milliseconds. */
  @EnvDuration({
    name: 'GATEWAY_TIMEOUT',
    description: 'How long a service may take to answer; streams have no such limit.',
    default: '15s',
    min: '1ms',
    max: '10m',
  })
  readonly timeout!: number;

  /** Milliseconds. */
  @EnvDuration({
    name: 'GATEWAY_REQUEST_TIMEOUT',
    description: 'How long a client may take to send its request; a slower one is answered with 408.',
    default: '10s',
    min: '100ms',
    max: '10m',
  })
  readonly requestTimeout!: number;

  @EnvList({
    name: 'CORS_ORIGINS',
    description: 'The origins whose pages may call the gateway; `*` for all of them, none switches CORS off.',
    default: [],
  })
  readonly corsOrigins!: readonly string[];

  @EnvBoolean({
    name: 'DOCS_ENABLED',
    description: 'Whether /docs and /openapi.json are served.',
    default: true,
    productionDefault: false,
  })
  readonly docsEnabled!: boolean;
}
