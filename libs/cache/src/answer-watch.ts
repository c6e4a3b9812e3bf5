import { CacheTimeout } from './cache-timeout.js';

/** A question is late at this tick after it was asked. */
const TICKS = 8;

interface Waiting {
  readonly since: number;
  reject(error: CacheTimeout): void;
}

/**
 * Gives up answers that take longer than a timeout. What counts is not the time alone: in a process that was busy all
 * the while, answers may lie unread, and questions unsent. So one clock ticks for all questions, and each of its ticks
 * has let the process read what had come; ticks that a busy process missed do not count.
 */
export class AnswerWatch {
  private readonly waiting = new Set<Waiting>();
  private ticks = 0;
  private clock: NodeJS.Timeout | undefined;

  /** @param timeout milliseconds; an answer is given up after 7/8 of it at the earliest */
  constructor(private readonly timeout: number) {}

  /** Settles as `answer`. @throws {CacheTimeout} */
  inTime<T>(answer: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const one: Waiting = { since: this.ticks, reject };
      this.waiting.add(one);
      this.clock ??= setInterval(() => this.tick(), this.timeout / TICKS);
      answer.then(
        (value) => {
          this.waiting.delete(one);
          resolve(value);
        },
        (error: unknown) => {
          this.waiting.delete(one);
          reject(error);
        },
      );
    });
  }

  private tick(): void {
    this.ticks += 1;
    if (this.waiting.size === 0) {
      clearInterval(this.clock);
      this.clock = undefined;
    }
    for (const one of this.waiting) {
      // Those that were asked later come later.
      if (this.ticks - one.since < TICKS) return;
      this.waiting.delete(one);
      // After one more look at what has come.
      setImmediate(() => one.reject(new CacheTimeout(this.timeout)));
    }
  }
}
