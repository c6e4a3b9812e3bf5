/* oxlint-disable typescript/no-unsafe-declaration-merging -- pino's logger is an interface; this gives it a DI token */
import type { Logger as PinoLogger } from 'pino';

/**
 * The service's logger, a pino logger. It is a class so that it can be injected by its type:
 * `constructor(private readonly logger: Logger)`.
 */
export abstract class Logger {}
export interface Logger extends PinoLogger {}
