import { existsSync } from 'node:fs';
import { type ConfigClass, RuntimeConfig } from '@rookery/config';
import { SERVICE_HOSTS } from '@rookery/contracts';
import { clientDeclaration, targetConfig } from '@rookery/grpc';
import { LogConfig, TraceConfig } from '@rookery/observability';
import { ShutdownConfig, declarationOf } from '@rookery/service';
import { GatewayConfig } from '../../apps/gateway/src/gateway.config.js';
import { SERVICES } from '../../apps/platform/src/services.js';
import { configClassesOf } from '@rookery/service';

/** An app as the deployment has to know it. */
export interface Application {
  readonly name: string;
  /** All that it reads from its environment. */
  readonly config: readonly ConfigClass[];
  /** Full names of the gRPC services that it calls. */
  readonly calls: readonly string[];
}

/** A service: it has a gRPC port, and a database or none. */
export interface ServiceApplication extends Application {
  /** Full names of the gRPC services that it serves. */
  readonly serves: readonly string[];
  /** The name of its database, which is its role's name too. */
  readonly database: string | undefined;
  /** Not when it was made with `--no-k8s`. */
  readonly inKubernetes: boolean;
}

export const services: readonly ServiceApplication[] = SERVICES.map((service) => {
  const declaration = declarationOf(service);
  const { name, database, clients = [] } = declaration;
  return {
    name,
    config: configClassesOf(declaration),
    calls: clients.map((client) => clientDeclaration(client).service.fullName),
    serves: Object.keys(SERVICE_HOSTS).filter((fullName) => SERVICE_HOSTS[fullName]!.name === name),
    database: database && name.replaceAll('-', '_'),
    inKubernetes: existsSync(`k8s/base/${name}`),
  };
});

/** Those that Kubernetes runs. */
export const deployed = services.filter(({ inKubernetes }) => inKubernetes);

const everyService = Object.keys(SERVICE_HOSTS);

/** The gateway calls every service whose proto is annotated. */
export const gateway: Application = {
  name: 'gateway',
  config: [
    RuntimeConfig,
    GatewayConfig,
    LogConfig,
    TraceConfig,
    ShutdownConfig,
    ...everyService.map((fullName) => targetConfig({ fullName })),
  ],
  calls: deployed.flatMap(({ serves }) => serves),
};

/** All that Kubernetes runs. */
export const applications: readonly Application[] = [...deployed, gateway];
