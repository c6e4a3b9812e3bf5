/** Tells recurring jobs the time. A class of its own, so that tests can have theirs. */
export class Clock {
  now(): Date {
    return new Date();
  }
}
