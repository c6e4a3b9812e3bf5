/** Runs work of one key one after the other, in the order in which it came, and that of different keys side by side. */
export class KeyLanes {
  /** The end of each lane that has one. */
  private readonly ends = new Map<string, Promise<unknown>>();

  /** @param key what has none waits for nobody */
  run<T>(key: string | undefined, work: () => Promise<T>): Promise<T> {
    if (key === undefined) return work();
    const before = this.ends.get(key);
    const turn = before ? before.then(work, work) : work();
    const left = () => {
      if (this.ends.get(key) === turn) this.ends.delete(key);
    };
    this.ends.set(key, turn);
    turn.then(left, left);
    return turn;
  }
}
