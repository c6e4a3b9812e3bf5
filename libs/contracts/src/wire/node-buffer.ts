/**
 * A Buffer with the two methods that `write` and `toString` end up calling. Short texts spend as long in choosing them by
 * the name of the encoding as in copying. protobufjs relies on them, too.
 */
export interface NodeBuffer extends Buffer {
  utf8Write(text: string, from: number): number;
  utf8Slice(start: number, end: number): string;
}
