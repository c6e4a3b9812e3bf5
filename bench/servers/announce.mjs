/** What has been used so far. */
function usage() {
  const { user, system } = process.cpuUsage();
  return { cpuSeconds: (user + system) / 1e6, rssBytes: process.memoryUsage.rss() };
}

/** V8's profiler, from `start` on; loaded when it is asked for, so that no server carries it while it is measured. */
async function startProfile() {
  const { Session } = await import('node:inspector/promises');
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.start');
  return async () => (await session.post('Profiler.stop')).profile;
}

/**
 * Tells the process that measures us where we listen, and answers what it asks.
 * @param {number} port
 */
export function announce(port) {
  /** @type {undefined | (() => Promise<object>)} */
  let stopProfile;
  process.on('message', async (question) => {
    if (question === 'usage') process.send?.(usage());
    if (question === 'start profile') process.send?.({ started: Boolean((stopProfile = await startProfile())) });
    if (question === 'stop profile') process.send?.(await stopProfile?.());
  });
  process.on('disconnect', () => process.exit(0));
  process.send?.({ port });
}
