import { readFile } from 'node:fs/promises';
import type { DeadLetter, DeadLetterFilter, EventsOperator } from '@rookery/messaging';
import { payloadFromJson, payloadToJson } from './payload-json.js';
import { PartlyFailed } from './partly-failed.js';
import { table } from './table.js';
import { UsageError } from './usage.js';

export interface DeadOptions extends DeadLetterFilter {
  readonly all?: boolean;
  readonly json?: boolean;
  /** A file with the payload to replay instead, as JSON. */
  readonly payload?: string;
}

/** `dead list|show|replay|drop`. @returns what to print */
export async function deadCommand(
  { deadLetters }: EventsOperator,
  action: string | undefined,
  numbers: readonly number[],
  options: DeadOptions,
): Promise<string> {
  switch (action) {
    case 'list': {
      if (numbers.length > 0) throw new UsageError('list takes no numbers; show takes one');
      const letters = await deadLetters.list(options);
      if (options.json) return JSON.stringify(letters, null, 2);
      return letters.length === 0 ? 'no dead letters' : listed(letters);
    }
    case 'show': {
      if (numbers.length !== 1) throw new UsageError('show takes the number of one dead letter');
      const letter = await deadLetters.get(numbers[0]!);
      if (!letter) throw new Error(`there is no dead letter ${numbers[0]}`);
      const { payload, ...rest } = letter;
      return JSON.stringify({ ...rest, ...readable(letter.type, payload) }, null, 2);
    }
    case 'replay': {
      const chosen = await choose(deadLetters, numbers, options);
      if (options.payload !== undefined && chosen.length !== 1) throw new UsageError('--payload replays one event');
      return each('replayed', chosen, options, async ({ sequence, type }) => {
        const payload = options.payload && payloadFromJson(type, await readFile(options.payload, 'utf8'));
        await deadLetters.replay(sequence, payload || undefined);
      });
    }
    case 'drop': {
      const chosen = await choose(deadLetters, numbers, options);
      return each('dropped', chosen, options, async ({ sequence }) => {
        if (!(await deadLetters.drop(sequence))) throw new Error(`there is no dead letter ${sequence} any more`);
      });
    }
    default:
      throw new UsageError(`dead takes list, show, replay or drop, got ${action ?? 'nothing'}`);
  }
}

/** Those of the numbers, or those of the filter: never all of them because something was forgotten. */
async function choose(
  deadLetters: EventsOperator['deadLetters'],
  numbers: readonly number[],
  { all = false, ...filter }: DeadOptions,
): Promise<DeadLetter[]> {
  const { service, type, id } = filter;
  const filtered = [service, type, id].some((condition) => condition !== undefined);
  if (!all && !filtered && numbers.length === 0) {
    throw new UsageError('say which: numbers of dead letters, --service, --type, --id, or --all');
  }
  const letters = await deadLetters.list({ service, type, id });
  if (numbers.length === 0) return letters;
  const missing = numbers.filter((number) => !letters.some(({ sequence }) => sequence === number));
  if (missing.length > 0) throw new Error(`there is no such dead letter: ${missing.join(', ')}`);
  return letters.filter(({ sequence }) => numbers.includes(sequence));
}

function listed(letters: readonly DeadLetter[]): string {
  return table(
    ['NUMBER', 'SERVICE', 'TYPE', 'EVENT', 'ATTEMPTS', 'TIME', 'REASON'],
    letters.map(({ sequence, service, type, id, attempts, time, code, reason }) => {
      const line = `${code ? `${code}: ` : ''}${reason}`.replaceAll(/\s+/g, ' ');
      return [sequence, service, type, id, attempts, time, line.length > 80 ? `${line.slice(0, 79)}…` : line];
    }),
  );
}

function readable(type: string, payload: Uint8Array): { payload: unknown; unreadable?: string } {
  try {
    return { payload: payloadToJson(type, payload) };
  } catch (error) {
    return { payload: Buffer.from(payload).toString('base64'), unreadable: (error as Error).message };
  }
}

/**
 * Does `work` for each of them: one that fails keeps no other from it.
 * @throws {PartlyFailed} when there were several and some failed; of a single one, what it failed with
 */
async function each(
  what: string,
  letters: readonly DeadLetter[],
  options: DeadOptions,
  work: (letter: DeadLetter) => Promise<void>,
): Promise<string> {
  const worked: DeadLetter[] = [];
  const failed: { letter: DeadLetter; error: Error }[] = [];
  for (const letter of letters) {
    try {
      await work(letter);
      worked.push(letter);
    } catch (error) {
      failed.push({ letter, error: error as Error });
    }
  }
  if (failed.length === 0) return done(what, worked, options);
  if (letters.length === 1) throw failed[0]!.error;
  const lines = failed.map(({ letter, error }) => `\n  ${letter.sequence}: ${error.message}`);
  throw new PartlyFailed(`not ${what}:${lines.join('')}`, done(what, worked, options));
}

function done(what: string, letters: readonly DeadLetter[], { json }: DeadOptions): string {
  const numbers = letters.map(({ sequence }) => sequence);
  if (json) return JSON.stringify({ [what]: numbers });
  return numbers.length === 0 ? `${what} none` : `${what} ${numbers.join(', ')}`;
}
