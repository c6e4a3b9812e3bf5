/** Everything but printable ASCII; space, the quote and the percent sign too, as the CloudEvents HTTP binding (3.1.3.2) has it. */
const UNSAFE = /[^\x21\x23\x24\x26-\x7e]/gu;
const ESCAPED = /(?:%[0-9a-f]{2})+/gi;

/** Any text as a header value: what headers cannot carry is percent-encoded as UTF-8. */
export function encodeHeader(text: string): string {
  return text.replace(UNSAFE, (character) =>
    [...Buffer.from(character)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
  );
}

/** The text that `encodeHeader` made `value` from. Never throws: values of other producers may be anything. */
export function decodeHeader(value: string): string {
  return value.replace(ESCAPED, (bytes) => Buffer.from(bytes.replaceAll('%', ''), 'hex').toString());
}
