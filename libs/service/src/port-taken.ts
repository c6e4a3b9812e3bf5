/** A port that the process needs is used by another one. */
export class PortTaken extends Error {
  constructor(service: string, what: string, port: number, variable: string, cause: unknown) {
    super(
      `${service}: port ${port} (${what}) is taken by another process. Stop that one, or set ${variable} to a free port.`,
      { cause },
    );
    this.name = 'PortTaken';
  }
}

/** Whether listening failed because somebody else listens there. grpc-js tells only in words. */
export function isPortTaken(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return (error as { code?: unknown }).code === 'EADDRINUSE' || error.message.includes('EADDRINUSE');
}
