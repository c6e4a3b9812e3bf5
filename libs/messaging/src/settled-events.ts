import { jetstreamManager } from '@nats-io/jetstream';
import { consumerPrefix } from './jetstream-names.js';
import type { LiveConnection } from './nats-client.js';

/** NATS takes no longer description of a consumer. */
const LONGEST = 4_000;

/** What a consumer of several types says of itself. Without it others cannot tell what it has settled. */
export function descriptionOf(types: Iterable<string>): string | undefined {
  const text = [...types].sort().join(' ');
  return text.length > LONGEST ? undefined : text;
}

/**
 * Up to which message of the stream each type is settled for the service, whichever of its consumers did that: those of
 * earlier versions, and of handlers that were not ordered then. So a version with other ordered handlers need not ask
 * the inbox for each event that the stream still has.
 */
export async function settledEvents(
  live: LiveConnection,
  service: string,
  stream: string,
): Promise<Map<string, number>> {
  const manager = await jetstreamManager(live.nats, { checkAPI: false });
  const settled = new Map<string, number>();
  for await (const { name, config, ack_floor } of manager.consumers.list(stream)) {
    if (!name.startsWith(consumerPrefix(service))) continue;
    const types = (config.description ?? config.filter_subject ?? '').split(' ');
    for (const type of types) settled.set(type, Math.max(settled.get(type) ?? 0, ack_floor.stream_seq));
  }
  return settled;
}
