import type { NodeConnectionOptions } from '@nats-io/transport-node';

/** Where NATS is and who asks, as NATS_URL says it. */
export function natsLogin(url: string): NodeConnectionOptions {
  const { host, protocol, username, password } = new URL(url);
  const [user, pass] = [decodeURIComponent(username), decodeURIComponent(password)];
  return {
    servers: host,
    ...(protocol === 'tls:' ? { tls: {} } : {}),
    // nats://token@host is a token, as in NATS' other clients.
    ...(user && pass ? { user, pass } : user ? { token: user } : {}),
  };
}
