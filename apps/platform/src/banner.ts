import type { Platform } from './platform.js';

/** What a person needs to know once everything serves: where things are, what is embedded, what to try. */
export function banner({ gateway, services, age }: Platform): string {
  const width = Math.max(...services.map(({ name }) => name.length));
  const embedded = [...new Set(services.flatMap((service) => service.embedded))];
  const create = `-H 'content-type: application/json' -d '{"email":"ada@example.com","name":"Ada"}'`;
  return [
    '',
    `Rookery is ready (${(age / 1000).toFixed(1)} s).`,
    '',
    `  ${'REST'.padEnd(width)}  ${gateway.url}  documentation ${gateway.url}/docs`,
    ...services.map(
      ({ name, ports }) =>
        `  ${name.padEnd(width)}  gRPC 127.0.0.1:${ports.grpc}  probes http://127.0.0.1:${ports.http}/health/ready`,
    ),
    ...(embedded.length > 0
      ? ['', `  Embedded: ${embedded.join(', ')}. The data stays in .rookery; npm run reset clears it.`]
      : []),
    '',
    '  Try:',
    `    curl -s ${gateway.url}/v1/users ${create}`,
    '',
    '  Ctrl-C stops everything.',
    '',
  ].join('\n');
}
