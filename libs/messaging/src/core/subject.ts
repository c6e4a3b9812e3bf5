const SUBJECT = /^[^\s.]+(\.[^\s.]+)*$/;
const WILDCARDS = ['*', '>'];

/** How little a name of a pattern says: a word names one, `*` any one, `>` all that follow. */
const VAGUENESS: Readonly<Record<string, number>> = { '*': 1, '>': 2 };

/**
 * Refuses what NATS would take for another pattern than was meant, or for none.
 * @throws {TypeError}
 */
export function checkPattern(pattern: string): void {
  const names = pattern.split('.');
  const partly = names.some((name) => !WILDCARDS.includes(name) && /[*>]/.test(name));
  if (!SUBJECT.test(pattern) || partly || names.slice(0, -1).includes('>')) {
    throw new TypeError(
      `"${pattern}" is no pattern of NATS: names without spaces joined by dots; * stands for one whole name, > at the end for all that follow`,
    );
  }
}

/** Refuses a subject that no message can have. @throws {TypeError} */
export function checkSubject(subject: string): void {
  if (SUBJECT.test(subject) && !subject.split('.').some((name) => WILDCARDS.includes(name))) return;
  throw new TypeError(`"${subject}" is no subject of a message: names without spaces joined by dots, no wildcards`);
}

/** Whether messages on `subject` go to who subscribed to `pattern`. */
export function matches(pattern: string, subject: string): boolean {
  if (pattern === subject) return true;
  const names = subject.split('.');
  const wanted = pattern.split('.');
  for (const [index, name] of wanted.entries()) {
    if (name === '>') return names.length > index;
    if (name !== names[index] && (name !== '*' || index >= names.length)) return false;
  }
  return wanted.length === names.length;
}

/** Orders patterns that match one subject: the one that says most about it first. */
export function bySpecificity(one: string, other: string): number {
  const others = other.split('.');
  for (const [index, name] of one.split('.').entries()) {
    const difference = (VAGUENESS[name] ?? 0) - (VAGUENESS[others[index] ?? ''] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
