import { parseArgs } from 'node:util';
import { EventsOperator } from '@rookery/messaging';
import { deadCommand } from './dead-command.js';
import { consumersCommand, streamsCommand } from './state-command.js';
import { USAGE, UsageError } from './usage.js';

/**
 * One command. @returns what to print
 * @throws {UsageError} when it is no command; what parseArgs throws; anything else when it fails
 */
export async function runEvents(args: string[], url: string | undefined): Promise<string> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      service: { type: 'string' },
      type: { type: 'string' },
      id: { type: 'string' },
      payload: { type: 'string' },
      all: { type: 'boolean' },
      json: { type: 'boolean' },
      help: { type: 'boolean' },
    },
  });
  const [topic, action, ...rest] = positionals;
  if (values.help) return USAGE;
  if (!['dead', 'streams', 'consumers'].includes(topic ?? '')) {
    throw new UsageError(topic === undefined ? 'say what to do' : `there is no ${topic}`);
  }
  if (topic === 'streams' && action !== undefined) throw new UsageError(`streams takes nothing, got ${action}`);
  const numbers = topic === 'dead' ? rest.map(numberOf) : [];
  if (!url) throw new Error('NATS_URL is not set; for example nats://127.0.0.1:4222');
  if (!/^(nats|tls):\/\//.test(url))
    throw new Error('NATS_URL is not of a NATS server; in one process the log has them');
  const operator = await EventsOperator.connect(url).catch((error: unknown) => {
    throw new Error(`NATS at ${new URL(url).host} cannot be used: ${(error as Error).message}`);
  });
  try {
    if (topic === 'dead') return await deadCommand(operator, action, numbers, values);
    if (topic === 'streams') return await streamsCommand(operator, values);
    return await consumersCommand(operator, action, rest, values);
  } finally {
    await operator.close();
  }
}

function numberOf(text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new UsageError(`"${text}" is no number of a dead letter`);
  return Number(text);
}
