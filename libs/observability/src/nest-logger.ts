import type { LoggerService } from '@nestjs/common';
import type { Logger } from './logger.js';

type Write = 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'trace';

/** Nest's own log lines through pino: its last argument is the context, which becomes a field. */
export class NestLogger implements LoggerService {
  constructor(private readonly logger: Logger) {}

  log = (message: unknown, ...rest: unknown[]) => this.write('info', message, rest);
  warn = (message: unknown, ...rest: unknown[]) => this.write('warn', message, rest);
  error = (message: unknown, ...rest: unknown[]) => this.write('error', message, rest);
  fatal = (message: unknown, ...rest: unknown[]) => this.write('fatal', message, rest);
  debug = (message: unknown, ...rest: unknown[]) => this.write('debug', message, rest);
  verbose = (message: unknown, ...rest: unknown[]) => this.write('trace', message, rest);

  /** Nest narrates its own start at level log; that is detail here. */
  private static readonly NARRATION = new Set([
    'InstanceLoader',
    'RoutesResolver',
    'RouterExplorer',
    'NestFactory',
    'NestApplication',
    'NestMicroservice',
    'GraphInspector',
  ]);

  private write(level: Write, message: unknown, rest: unknown[]): void {
    const context = typeof rest.at(-1) === 'string' ? (rest.pop() as string) : undefined;
    const stack = rest.find((value): value is string => typeof value === 'string');
    const quiet = level === 'info' && context !== undefined && NestLogger.NARRATION.has(context);
    const fields: Record<string, unknown> = context === undefined ? {} : { context };
    if (stack !== undefined) fields.stack = stack;
    if (message instanceof Error) this.logger[level]({ ...fields, error: message }, message.message);
    else this.logger[quiet ? 'debug' : level](fields, typeof message === 'string' ? message : JSON.stringify(message));
  }
}
