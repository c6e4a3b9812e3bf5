import { EnvEnum } from '@rookery/config';
import { callContext } from '@rookery/context';
import pino, { type DestinationStream } from 'pino';
import pretty from 'pino-pretty';
import { BufferedOutput } from './buffered-output.js';
import type { Logger } from './logger.js';

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LEVELS)[number];

/** How the process logs. */
export class LogConfig {
  @EnvEnum({
    name: 'LOG_LEVEL',
    description: 'The least severe level that is logged.',
    values: LEVELS,
    default: 'info',
  })
  readonly level!: LogLevel;

  @EnvEnum({
    name: 'LOG_FORMAT',
    description: 'One JSON object a line, or coloured text for people.',
    values: ['json', 'pretty'],
    default: 'pretty',
    productionDefault: 'json',
  })
  readonly format!: 'json' | 'pretty';
}

let output: BufferedOutput | undefined;

/** Standard output, off the path of the calls. It is one for all loggers of the process, so that their lines stay whole. */
function standardOutput(): DestinationStream {
  output ??= new BufferedOutput(1);
  return output;
}

let second = { at: 0, text: '' };

/** The time as pino's `isoTime` writes it; what does not change within a second is formatted once. */
function isoTime(): string {
  const now = Date.now();
  const ms = now % 1000;
  if (now - ms !== second.at || second.text === '') {
    second = { at: now - ms, text: new Date(now - ms).toISOString().slice(0, 20) };
  }
  return `,"time":"${second.text}${ms < 10 ? '00' : ms < 100 ? '0' : ''}${ms}Z"`;
}

/**
 * A logger that writes to standard output (or `destination`). Inside a call every line carries its request id, and
 * the id of its trace when that is recorded.
 * @param service the name each line carries
 */
export function createLogger(config: LogConfig, service: string, destination?: DestinationStream): Logger {
  const stream =
    destination ??
    (config.format === 'pretty'
      ? pretty({
          translateTime: 'SYS:HH:MM:ss.l',
          ignore: 'pid,hostname,service',
          messageFormat: '[{service}] {msg}',
          singleLine: true,
          sync: true,
        })
      : standardOutput());
  return pino(
    {
      level: config.level,
      base: { service },
      formatters: { level: (label) => ({ level: label }) },
      timestamp: isoTime,
      mixin: () => {
        const call = callContext();
        if (!call) return {};
        const { requestId, span } = call;
        return span ? { requestId, traceId: span.traceId } : { requestId };
      },
      serializers: { error: pino.stdSerializers.err },
    },
    stream,
  );
}
