import { seededRandom, shuffled } from './random.js';

/** One `kill -9`; times in milliseconds. */
export interface Kill {
  readonly victim: string;
  /** Since the beginning. */
  readonly at: number;
  /** How long the victim stays away before it is started again. */
  readonly away: number;
}

/**
 * Close enough that one victim is often still away, or starting, when the next one goes; wide enough that the platform is
 * whole again now and then, even on two cores. Without that nothing is left but callers who repeat themselves.
 */
const GAP = { shortest: 2_000, longest: 5_000 };
const LONGEST_AWAY = 1_500;

/** Who is killed when, for so many milliseconds: the same for the same seed and length. Each round has every victim once. */
export function killSchedule(seed: number, victims: readonly string[], duration: number): Kill[] {
  const random = seededRandom(seed);
  const kills: Kill[] = [];
  for (let at = 0; ;) {
    for (const victim of shuffled(victims, random)) {
      at += GAP.shortest + random() * (GAP.longest - GAP.shortest);
      if (at > duration) return kills;
      kills.push({ victim, at: Math.round(at), away: Math.round(random() * LONGEST_AWAY) });
    }
  }
}
