import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { importsFor, splitImports } from './merge-imports.js';
import { formatted } from './proto-first.js';

/** Where an app keeps what was last generated for it, so that the next time can tell it from what was written since. */
export const GENERATED_FILE = '.generated.json';

/** What an app's `.generated.json` says: the sources by their path. @param {string | undefined} text */
export function readGenerated(text) {
  return new Map(Object.entries(text === undefined ? {} : JSON.parse(text)));
}

/** The text of an app's `.generated.json`. @param {Map<string, string>} files */
export function writeGenerated(files) {
  const sorted = [...files].sort(([one], [other]) => (one < other ? -1 : 1));
  return `${JSON.stringify(Object.fromEntries(sorted), null, 2)}\n`;
}

/**
 * Brings sources up to date that somebody may have edited: three-way, of what was generated before, what is generated now
 * and what is there. It adds what is new and never overwrites what was edited. A file in which both changed the same place
 * stays as it is, and is listed.
 *
 * @param {object} about
 * @param {string} about.folder of the app's sources, for prettier
 * @param {Map<string, string>} about.before what was generated the last time, by its path
 * @param {Map<string, string>} about.now what `serviceFilesFromProto` gives
 * @param {(path: string) => string | undefined} about.read what is there now
 * @returns {Promise<{
 *   files: Map<string, string>,
 *   left: { path: string, reason: string, missing: string[] }[],
 *   generated: Map<string, string>,
 * }>} the files to write; those that were left, with the lines that could not be added; and what is to be remembered as
 *   generated: of a file that was left what was there before, so that the next time tries again
 */
export async function mergeServiceFiles({ folder, before, now, read }) {
  const files = new Map();
  const left = [];
  const generated = new Map();
  for (const path of new Set([...before.keys(), ...now.keys()])) {
    const merged = merge({ yours: read(path), before: before.get(path), now: now.get(path) });
    if (merged.reason === undefined) {
      if (now.has(path)) generated.set(path, now.get(path));
      if (merged.text !== undefined) files.set(path, await formatted(join(folder, path), merged.text));
    } else {
      if (before.has(path)) generated.set(path, before.get(path));
      left.push({ path, reason: merged.reason, missing: addedLines(before.get(path) ?? '', now.get(path) ?? '') });
    }
  }
  return { files, left, generated };
}

/** @returns {{ text?: string, reason?: string }} what to write, or why nothing can be; neither when all is well */
function merge({ yours, before, now }) {
  if (now === before || yours === now) return {};
  if (now === undefined) return yours === undefined ? {} : { reason: 'the proto no longer has it' };
  if (yours === undefined) return before === undefined ? { text: now } : { reason: 'you have removed it' };
  if (before === undefined) return { reason: 'it was there already' };
  if (yours === before) return { text: now };
  return mergeEdited({ yours, before, now });
}

function mergeEdited(sources) {
  const [yours, before, now] = [sources.yours, sources.before, sources.now].map(splitImports);
  const body = mergeText(yours.body, before.body, now.body);
  if (body === undefined) return { reason: 'you and the proto have changed the same place' };
  const imports = importsFor(body, { yours: yours.imports, before: before.imports, now: now.imports });
  return { text: `${imports.join('\n')}\n\n${body}` };
}

/** What git makes of it, or undefined for a conflict. */
function mergeText(yours, before, now) {
  const folder = mkdtempSync(join(tmpdir(), 'rookery-merge-'));
  try {
    const paths = Object.entries({ yours, before, now }).map(([name, text]) => {
      writeFileSync(join(folder, name), text);
      return name;
    });
    const { status, stdout, stderr, error } = spawnSync('git', ['merge-file', '-p', ...paths], {
      cwd: folder,
      encoding: 'utf8',
    });
    if (error) throw error;
    // The number of conflicts, 127 at most; a negative number for an error.
    if (status === null || status > 127) throw new Error(`git merge-file failed: ${stderr}`);
    return status === 0 ? stdout : undefined;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The lines of `now` that `before` has not, in their order. */
function addedLines(before, now) {
  const known = new Set(before.split('\n').map((line) => line.trim()));
  return now.split('\n').filter((line) => line.trim() !== '' && !known.has(line.trim()));
}
