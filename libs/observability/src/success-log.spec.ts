import { describe, expect, it } from 'vitest';
import { type LogConfig, createLogger } from './log.js';
import type { Logger } from './logger.js';
import { successLog } from './success-log.js';

function loggerTo(lines: string[], level = 'info'): Logger {
  const config = { level, format: 'json' } as LogConfig;
  return createLogger(config, 'user-service', { write: (line: string) => void lines.push(line) });
}

const withoutTime = (line: string | undefined) => line?.replace(/"time":"[^"]+"/, '"time":""');

describe('successLog', () => {
  it.each(['7f3c', 'with"quotes\\and\\backslashes'])('writes the line that pino writes, for id %s', (requestId) => {
    const lines: string[] = [];
    const logger = loggerTo(lines).child({ rpc: 'user.v1.UserService/GetUser' });
    logger.info({ requestId, code: 'OK', ms: 1.25 }, 'call');
    successLog(logger)(requestId, 1.25);
    expect(lines).toHaveLength(2);
    expect(withoutTime(lines[1])).toBe(withoutTime(lines[0]));
    expect(JSON.parse(lines[1]!)).toMatchObject({ time: expect.stringMatching(/^\d{4}-.*Z$/), requestId });
  });

  it('follows the level, also when it is changed', () => {
    const lines: string[] = [];
    const logger = loggerTo(lines, 'warn');
    const log = successLog(logger);
    log('7f3c', 1);
    expect(lines).toEqual([]);
    logger.level = 'info';
    log('7f3c', 1);
    expect(lines).toHaveLength(1);
  });
});
