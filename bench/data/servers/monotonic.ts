/** Milliseconds of the machine's monotonic clock, which all its processes share, to the microsecond. */
export function monotonic(): number {
  return Number(process.hrtime.bigint() / 1_000n) / 1_000;
}
