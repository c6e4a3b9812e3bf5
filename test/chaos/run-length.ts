/** How long and how chosen this run is: short in the test suite, as `npm run chaos` asks otherwise. */
export const RUN = {
  /** Of victims, pauses and absences. */
  seed: Number(process.env['CHAOS_SEED'] ?? Math.floor(Math.random() * 2 ** 31)),
  /** For how long processes are killed, in milliseconds. */
  killing: Number(process.env['CHAOS_MINUTES'] ?? 1.6) * 60_000,
  /** For how long NATS is away, in milliseconds. */
  outage: Number(process.env['CHAOS_OUTAGE_SECONDS'] ?? 6) * 1_000,
} as const;
