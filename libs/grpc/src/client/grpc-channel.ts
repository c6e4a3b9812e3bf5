import type { ChannelOptions, InterceptingListener, Metadata } from '@grpc/grpc-js';
import { LOAD_BALANCING } from './load-balancing.js';

/** One call on a channel: bytes out, bytes in, one status. What the client needs of grpc-js's own. */
export interface ChannelCall {
  start(metadata: Metadata, listener: InterceptingListener): void;
  /** Asks for one more reply. */
  startRead(): void;
  /** One at a time: the next message goes after `callback`. */
  sendMessageWithContext(context: { callback?: () => void }, message: Buffer): void;
  halfClose(): void;
  cancelWithStatus(code: number, details: string): void;
}

/** What carries calls to a service: grpc-js's channel, or a stand-in for it. */
export interface GrpcChannel {
  /** `deadline` in milliseconds since the epoch; Infinity for none. */
  createCall(path: string, deadline: number, host: null, parentCall: null, propagateFlags: null): ChannelCall;
  close(): void;
}

/** Spread calls over the addresses of a name, find out about dead connections, come back quickly. */
export const CHANNEL_OPTIONS: ChannelOptions = {
  'grpc.service_config': JSON.stringify({ loadBalancingConfig: LOAD_BALANCING }),
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.min_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 2_000,
  // A lost connection leads to a look-up of the name, not sooner than this after the one before.
  'grpc.dns_min_time_between_resolutions_ms': 5_000,
  // The service config is ours; one in a TXT record would replace it.
  'grpc.service_config_disable_resolution': 1,
  // What a call may hold for another attempt. A larger request is sent once; a stream of requests waits for the server.
  'grpc.per_rpc_retry_buffer_size': 256 * 1024,
  // Two clients of one process (the embedded topology, tests) do not share connections and their backoff.
  'grpc.use_local_subchannel_pool': 1,
  // Nobody looks at it, and it costs every call something.
  'grpc.enable_channelz': 0,
};
