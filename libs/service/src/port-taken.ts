/** A port that the process needs is used by another one. */
export class PortTaken extends Error {
  constructor(service: string, what: string, port: number, variable: string, cause: unknown) {
    const own = `${service.replaceAll('-', '_').toUpperCase()}_${variable}`;
    super(
      `${service}: port ${port} (${what}) is taken by another process. ` +
        `Stop that one, or set ${variable} (under npm start: ${own}) to a free port.`,
      { cause },
    );
    this.name = 'PortTaken';
  }
}

/** Whether listening failed because somebody else listens there. grpc-js tells only in words. */
function isPortTaken(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return (error as { code?: unknown }).code === 'EADDRINUSE' || error.message.includes('EADDRINUSE');
}

/**
 * Runs `listen`, which makes `service` listen on `port`.
 * @param what is served there, in words
 * @param variable sets the port
 * @throws {PortTaken} when somebody else listens there
 */
export async function listening(
  service: string,
  what: string,
  port: number,
  variable: string,
  listen: () => Promise<unknown>,
): Promise<void> {
  try {
    await listen();
  } catch (error) {
    throw isPortTaken(error) ? new PortTaken(service, what, port, variable, error) : error;
  }
}
