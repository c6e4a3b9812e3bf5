// The HEALTHCHECK of the image: exit code 0 when /health/ready of the app says so. Kubernetes probes by itself.
import { get } from 'node:http';

get({ host: '127.0.0.1', port: process.env.HTTP_PORT, path: '/health/ready', timeout: 2_500 }, (response) => {
  response.resume();
  process.exitCode = response.statusCode === 200 ? 0 : 1;
})
  .on('timeout', () => process.exit(1))
  .on('error', () => process.exit(1));
