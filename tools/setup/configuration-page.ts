import { GatewayConfig } from '../../apps/gateway/src/gateway.config.js';
import { CacheConfig } from '@rookery/cache';
import { RuntimeConfig, documentConfig } from '@rookery/config';
import { SERVICE_HOSTS } from '@rookery/contracts';
import { DatabaseConfig } from '@rookery/database';
import { GrpcClientConfig, GrpcConfig, targetConfig } from '@rookery/grpc';
import { MessagingConfig } from '@rookery/messaging';
import { LogConfig, TraceConfig } from '@rookery/observability';
import { EmbeddedConfig, HttpConfig, ShutdownConfig } from '@rookery/service';

const INTRODUCTION = `# Configuration

Everything is set by environment variables; what is unset has the default below. An empty value counts as unset.
A value that is not accepted stops the start with exit code 78 and one list of all the problems.

\`npm start\` runs all services in one process. There a variable that only one service should see carries the service's
name in front: \`USER_SERVICE_DATABASE_URL\`, \`ORDER_SERVICE_GRPC_PORT\`, \`GATEWAY_HTTP_PORT\`. DATABASE_URL, GRPC_PORT and
HTTP_PORT are read in this form only, because no two services can share them.

*This page is generated from the configuration classes by \`npm run docs:config\`; a test keeps it current.*

`;

/** The text of docs/configuration.md. */
export function configurationPage(): string {
  // An app may serve several gRPC services; it is in one place.
  const apps = new Map(Object.entries(SERVICE_HOSTS).map(([fullName, { name }]) => [name, fullName]));
  const targets = [...apps.keys()]
    .toSorted()
    .map((name) => ({ title: `Where ${name} is`, type: targetConfig({ fullName: apps.get(name)! }) }));
  const page = documentConfig([
    { title: 'Runtime', type: RuntimeConfig },
    { title: 'Logs', type: LogConfig },
    { title: 'Traces', type: TraceConfig },
    { title: 'gRPC', type: GrpcConfig },
    { title: 'gRPC clients', type: GrpcClientConfig },
    { title: 'Probes and metrics', type: HttpConfig },
    { title: 'Shutdown', type: ShutdownConfig },
    { title: 'PostgreSQL', type: DatabaseConfig },
    { title: 'Embedded PostgreSQL', type: EmbeddedConfig },
    { title: 'Cache', type: CacheConfig },
    { title: 'Events', type: MessagingConfig },
    ...targets,
    { title: 'Gateway', type: GatewayConfig },
  ]);
  return INTRODUCTION + page;
}
