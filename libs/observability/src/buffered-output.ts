import { writeSync } from 'node:fs';

/** Lines wait this long, in milliseconds, to be written together: a write of its own costs a call more than its work. */
const FLUSH_EVERY = 100;

/** So many characters are written at once without waiting. */
const FLUSH_AT = 8 * 1024;

/** Where nobody takes the lines, those beyond this many characters are dropped rather than kept in memory. */
const MOST_WAITING = 64 * 1024 * 1024;

/** How often the end of the process tries again when the reader is not quick enough, 10 ms apart. */
const LAST_TRIES = 50;

/**
 * Writes lines to a file descriptor, many at a time. What waits is written when the process exits, even by an uncaught
 * error. When the reader is gone, lines are dropped; a process must be able to end without somebody to tell.
 */
export class BufferedOutput {
  private lines = '';
  /** What the reader has not taken of the lines before. */
  private rest: Buffer = Buffer.alloc(0);
  private timer: NodeJS.Timeout | undefined;
  private broken = false;

  constructor(private readonly fd: number) {
    process.once('exit', () => this.finish());
  }

  /** Takes a line with its line break. */
  write(line: string): void {
    if (this.broken || this.rest.length + this.lines.length > MOST_WAITING) return;
    this.lines += line;
    if (this.lines.length >= FLUSH_AT && this.rest.length === 0) this.flush();
    else this.timer ??= setTimeout(() => this.flush(), FLUSH_EVERY).unref();
  }

  /** @returns false when the reader takes no more right now */
  private flush(): boolean {
    clearTimeout(this.timer);
    this.timer = undefined;
    let rest = Buffer.concat([this.rest, Buffer.from(this.lines)]);
    this.lines = '';
    try {
      while (rest.length > 0) rest = rest.subarray(writeSync(this.fd, rest));
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'EAGAIN') this.broken = true;
    }
    this.rest = this.broken ? Buffer.alloc(0) : rest;
    if (this.rest.length > 0) this.timer = setTimeout(() => this.flush(), FLUSH_EVERY).unref();
    return this.rest.length === 0;
  }

  private finish(): void {
    const clock = new Int32Array(new SharedArrayBuffer(4));
    for (let tries = 0; tries < LAST_TRIES && !this.flush(); tries += 1) Atomics.wait(clock, 0, 0, 10);
  }
}
