import { EnvDuration, EnvInteger, EnvString } from '@rookery/config';

/** The HTTP port of a service: probes and metrics. */
export class HttpConfig {
  @EnvInteger({
    name: 'HTTP_PORT',
    description: 'The port of the probes and of /metrics; 0 takes a free one.',
    optional: true,
    unset: 'the port of the service’s declaration',
    min: 0,
    max: 65_535,
  })
  readonly port?: number;
}

/** How a process stops. Both together must fit in Kubernetes' terminationGracePeriodSeconds. */
export class ShutdownConfig {
  @EnvDuration({
    name: 'SHUTDOWN_DRAIN',
    description: 'How long a stopping process keeps serving after it has reported that it is not ready any more.',
    default: '0s',
    productionDefault: '5s',
    max: '5m',
  })
  readonly drain!: number;

  @EnvDuration({
    name: 'SHUTDOWN_TIMEOUT',
    description: 'How long running calls may take to end, after the drain, before they are cut off.',
    default: '20s',
    max: '10m',
  })
  readonly timeout!: number;
}

/** What stands in for infrastructure in development. */
export class EmbeddedConfig {
  @EnvString({
    name: 'EMBEDDED_DATA_DIR',
    description: 'Where the embedded PostgreSQL keeps its data, when DATABASE_URL is unset.',
    default: '.rookery/postgres',
  })
  readonly dataDir!: string;
}
