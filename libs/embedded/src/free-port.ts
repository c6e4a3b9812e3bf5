import { createServer } from 'node:net';

// Below the ports the kernel lends to outgoing sockets (32768+ on Linux, 49152+ on macOS): nothing takes one of these
// between the probe and the server's own bind, except another server.
const LOWEST = 20_000;
const HIGHEST = 29_999;
const ATTEMPTS = 100;

/**
 * A TCP port of 127.0.0.1 on which nothing listens, between 20000 and 29999. It is not reserved: whoever binds it has
 * to be ready to ask for another.
 */
export async function freePort(random: () => number = Math.random): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const port = LOWEST + Math.floor(random() * (HIGHEST - LOWEST + 1));
    if (await isFree(port)) return port;
  }
  throw new Error(
    `No free port found on 127.0.0.1 in ${ATTEMPTS} tries between ${LOWEST} and ${HIGHEST}: end some servers.`,
  );
}

/** Whether a server could listen on this port of 127.0.0.1 now. */
export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer()
      .once('error', () => resolve(false))
      .listen({ port, host: '127.0.0.1', exclusive: true }, () => probe.close(() => resolve(true)));
  });
}
