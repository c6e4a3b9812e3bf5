import pino, { type DestinationStream } from 'pino';
import type { Logger } from './logger.js';

/** What pino keeps of a logger, under names that it publishes. */
function partsOf(logger: Logger) {
  const of = <T>(symbol: symbol) => (logger as unknown as Record<symbol, T>)[symbol]!;
  const { chindingsSym, endSym, lsCacheSym, streamSym, timeSym } = pino.symbols;
  return {
    /** `{"level":"info"` */
    level: of<Record<number, string>>(lsCacheSym)[pino.levels.values['info']!]!,
    /** `,"time":"…"` */
    time: of<() => string>(timeSym),
    /** `,"service":"…","rpc":"…"` */
    bindings: of<string>(chindingsSym),
    end: of<string>(endSym),
    stream: of<DestinationStream>(streamSym),
  };
}

/**
 * Logs calls that ended well, the most frequent line of all. It is put together here from pino's own parts: pino looks
 * at every field of every line anew, which costs a call several times as much.
 */
export function successLog(logger: Logger): (requestId: string, ms: number, traceId?: string) => void {
  const { level, time, bindings, end, stream } = partsOf(logger);
  return (requestId, ms, traceId) => {
    if (!logger.isLevelEnabled('info')) return;
    const id = JSON.stringify(requestId);
    const trace = traceId === undefined ? '' : `,"traceId":"${traceId}"`;
    stream.write(`${level}${time()}${bindings},"requestId":${id}${trace},"code":"OK","ms":${ms},"msg":"call"${end}`);
  };
}
