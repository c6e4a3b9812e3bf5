/** A refusal that HTTP has a status for and gRPC has no code for: 404 of a path, 405, 408, 413, 415, 431. */
export class HttpError extends Error {
  constructor(
    readonly status: number,
    /** UPPER_SNAKE_CASE, as `reason` of the problem. */
    readonly reason: string,
    message: string,
    /** Further headers of the answer. */
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
    this.name = 'HttpError';
  }
}
