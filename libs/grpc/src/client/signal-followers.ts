/** What ends when a signal aborts. */
export interface Follower {
  signalAborted(signal: AbortSignal): void;
}

/**
 * One listener for a signal, however many calls follow it: Node.js warns of a leak at eleven listeners, and looks through
 * all of them to add or remove one.
 */
class Followers extends Set<Follower> {
  handleEvent({ target }: Event): void {
    for (const follower of this) follower.signalAborted(target as AbortSignal);
  }
}

const bySignal = new WeakMap<AbortSignal, Followers>();

/** Tells `follower` when `signal` aborts, until it unfollows. The signal has not aborted. */
export function follow(signal: AbortSignal, follower: Follower): void {
  let followers = bySignal.get(signal);
  if (!followers) bySignal.set(signal, (followers = new Followers()));
  if (followers.size === 0) signal.addEventListener('abort', followers);
  followers.add(follower);
}

/** A signal that nobody follows has no listener. */
export function unfollow(signal: AbortSignal, follower: Follower): void {
  const followers = bySignal.get(signal);
  if (followers?.delete(follower) && followers.size === 0) signal.removeEventListener('abort', followers);
}
