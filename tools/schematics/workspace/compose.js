/** The service of docker-compose.yml that runs an app. */
function block({ app, role, database, cache, messaging }) {
  const environment = [
    ...(database ? [`DATABASE_URL: postgres://${role}:${role}@postgres:5432/${role}`, 'DATABASE_POOL_MAX: 10'] : []),
    ...(cache ? ['REDIS_URL: redis://redis:6379'] : []),
    ...(messaging ? ['NATS_URL: nats://nats:4222'] : []),
  ];
  const servers = [...(database ? ['postgres'] : []), ...(cache ? ['redis'] : []), ...(messaging ? ['nats'] : [])];
  return [
    `  ${app}:`,
    '    <<: *service',
    `    image: rookery/${app}:dev`,
    `    build: { context: ., args: { APP: ${app} } }`,
    '    environment:',
    '      <<: *service-environment',
    ...environment.map((line) => `      ${line}`),
    ...(servers.length > 0 ? ['    depends_on:', ...servers.map((server) => `      ${server}: *healthy`)] : []),
  ];
}

/** Where the gateway begins, and within it what it is started after. */
const GATEWAY = /^ {2}gateway:$/m;
const LAST_SERVICE = /^ {2}gateway:\n(?: {4}.*\n)*? {4}depends_on:\n(?: {6}[\w-]+: \*healthy\n)*/m;

/** Adds the service to docker-compose.yml: before the gateway, which is started after it. @throws {Error} where there is none */
export function addToCompose(text, service) {
  if (!LAST_SERVICE.test(text)) {
    throw new Error(
      'docker-compose.yml lists its services in another way than expected; there is no gateway after them.',
    );
  }
  return text
    .replace(LAST_SERVICE, (gateway) => `${gateway}      ${service.app}: *healthy\n`)
    .replace(GATEWAY, (gateway) => `${block(service).join('\n')}\n\n${gateway}`);
}

/** Takes the service out again, also from what is started after it. */
export function removeFromCompose(text, { app }) {
  return text
    .replaceAll(new RegExp(`^ {6}${app}: \\*healthy\\n`, 'gm'), '')
    .replace(new RegExp(`^ {2}${app}:\\n(?: {4}.*\\n|\\n(?= {4}))*\\n?`, 'm'), '');
}
