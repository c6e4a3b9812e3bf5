/** `NAME=value` lines that a POSIX shell's `eval` and dotenv files both read; quoted only where they have to be. */
export function environmentLines(variables: Record<string, string>): string {
  return Object.entries(variables)
    .map(
      ([name, value]) => `${name}=${/^[\w:/@.,%+=-]*$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`}\n`,
    )
    .join('');
}
