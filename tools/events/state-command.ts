import type { EventsOperator } from '@rookery/messaging';
import { table } from './table.js';
import { UsageError } from './usage.js';

interface StateOptions {
  readonly json?: boolean;
}

export async function streamsCommand(operator: EventsOperator, { json }: StateOptions): Promise<string> {
  const rows = (await operator.streams()).map(({ config, state }) => ({
    stream: config.name,
    subjects: config.subjects.join(' '),
    messages: state.messages,
    bytes: state.bytes,
    newest: state.messages > 0 ? state.last_ts : '-',
  }));
  return printed(rows, json);
}

export async function consumersCommand(
  operator: EventsOperator,
  action: string | undefined,
  names: readonly string[],
  { json }: StateOptions,
): Promise<string> {
  if (action === 'drop') {
    if (names.length !== 1) throw new UsageError('consumers drop takes the name of one consumer');
    await operator.dropConsumer(names[0]!);
    return json ? JSON.stringify({ dropped: names }) : `dropped ${names[0]}`;
  }
  if (action !== undefined) throw new UsageError(`consumers takes drop or nothing, got ${action}`);
  const rows = (await operator.consumers()).map((consumer) => ({
    stream: consumer.stream_name,
    consumer: consumer.name,
    // Not delivered yet; delivered and not settled; of these, delivered more than once.
    pending: consumer.num_pending,
    unsettled: consumer.num_ack_pending,
    redelivered: consumer.num_redelivered,
    state: consumer.num_waiting > 0 ? 'consumed' : 'nobody waits for its events',
  }));
  return printed(rows, json);
}

function printed(rows: readonly Record<string, string | number>[], json: boolean | undefined): string {
  if (json) return JSON.stringify(rows, null, 2);
  const [first] = rows;
  if (!first) return 'none';
  return table(
    Object.keys(first).map((name) => name.toUpperCase()),
    rows.map((row) => Object.values(row)),
  );
}
