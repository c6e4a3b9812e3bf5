import type { Readable } from 'node:stream';
import type { MethodDefinition } from '@rookery/contracts';
import { decodeRequest } from './codec.js';
import type { RunningCall } from './running-call.js';

/**
 * What the client streams, decoded one by one as the handler asks for it: a slow handler slows the client down.
 * Throws the reason when the call is ended from outside.
 */
export async function* readRequests(
  definition: MethodDefinition,
  call: Pick<Readable, 'iterator'>,
  running: RunningCall,
): AsyncGenerator<object> {
  // The default iterator destroys a duplex at the end of its readable half, and with it the replies.
  const source = call.iterator({ destroyOnReturn: false });
  for (;;) {
    const next = await running.orEnded(source.next());
    if (next.done) return;
    yield decodeRequest(definition, next.value as Buffer);
  }
}
