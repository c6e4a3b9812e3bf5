/** What a server allows its clients. Durations in milliseconds, sizes in bytes; 0 means no limit where it says so. */
export interface GrpcLimits {
  /** A longer request message ends the call with RESOURCE_EXHAUSTED. */
  maxMessageBytes: number;
  /** More metadata, keys and values, ends the call with RESOURCE_EXHAUSTED. */
  maxMetadataBytes: number;
  /** Calls at a time on one connection; a client queues what is more. */
  maxConcurrentStreams: number;
  /**
   * Replies that may wait for a slow reader when the handler's Observable cannot be paused; more end the call with
   * RESOURCE_EXHAUSTED.
   */
  maxBufferedBytes: number;
  /** A connection older than this is told to go, so that clients behind an L4 balancer spread anew; 0: never. */
  maxConnectionAge: number;
  /** How long the calls of such a connection may go on. */
  connectionAgeGrace: number;
  /** A client that pings more often than this while nothing is sent is told to calm down and cut off; 0: never. */
  minPingInterval: number;
  /** The server asks a silent connection after this time whether it is alive. */
  keepaliveTime: number;
  /** How long it waits for the answer. */
  keepaliveTimeout: number;
  /** For unary calls without a deadline of their own; 0: none. */
  defaultTimeout: number;
}

export const DEFAULT_LIMITS: Readonly<GrpcLimits> = {
  maxMessageBytes: 4 * 1024 * 1024,
  maxMetadataBytes: 16 * 1024,
  maxConcurrentStreams: 1_000,
  maxBufferedBytes: 16 * 1024 * 1024,
  maxConnectionAge: 30 * 60_000,
  connectionAgeGrace: 60_000,
  minPingInterval: 10_000,
  keepaliveTime: 60_000,
  keepaliveTimeout: 20_000,
  defaultTimeout: 30_000,
};
