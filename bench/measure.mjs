import { h2load } from './load/h2load.mjs';
import { readStreams } from './load/streams.mjs';
import { verify } from './load/verify.mjs';
import { startServer } from './servers/start-server.mjs';

/** How often a warm-up is made longer for a server that does not get its core. */
const MOST_WARMUPS = 5;

/**
 * Loads a server until it has spent about so many CPU seconds: it is by work, not by time, that V8 gets to its fastest
 * code. Until then a call costs up to ten times as much.
 */
async function warmUp(server, cpuSeconds, load) {
  const before = await server.ask('usage');
  let missing = cpuSeconds;
  for (let times = 0; times < MOST_WARMUPS && missing > cpuSeconds / 10; times += 1) {
    await server.during(load(missing));
    missing = cpuSeconds - (await server.ask('usage')).cpuSeconds + before.cpuSeconds;
  }
}

/** Both kinds of load on the server at `port`, for so many seconds. */
function loadsOf(port, folder) {
  return {
    unary: (seconds) => h2load(port, seconds, folder),
    stream: (seconds) => readStreams(port, seconds),
  };
}

/** What `load` gives, and the CPU seconds that the server spent meanwhile. */
async function costed(server, load) {
  const before = await server.ask('usage');
  const result = await server.during(load());
  const after = await server.ask('usage');
  return { ...result, cpuSeconds: after.cpuSeconds - before.cpuSeconds, rssBytes: after.rssBytes };
}

/**
 * Runs a server in a new process, checked, and ends it after `work`.
 * @throws when the server ends before, or answers wrong
 */
async function withServer(server, folder, work) {
  const running = await startServer(server, folder);
  try {
    await running.during(verify(running.port));
    const result = await work(running);
    await running.stop();
    return result;
  } catch (error) {
    running.kill();
    throw new Error(`${server.name} could not be measured`, { cause: error });
  }
}

/**
 * One server, once: warmed up, loaded with calls, then with streams.
 * @param {{ name: string, path: string }} server
 * @param {{ warmup: number, seconds: number, folder: string }} options CPU seconds of the server; seconds
 */
export function measure(server, { warmup, seconds, folder }) {
  return withServer(server, folder, async (running) => {
    const { unary: loadUnary, stream: loadStream } = loadsOf(running.port, folder);
    await warmUp(running, warmup, loadUnary);
    const unary = await costed(running, () => loadUnary(seconds));
    // What both kinds share is warm.
    await warmUp(running, warmup / 2, loadStream);
    const stream = await costed(running, () => loadStream(seconds));
    return {
      unary: {
        perSecond: unary.perSecond,
        p50: unary.p50,
        p99: unary.p99,
        cpuSecondsPer10k: (unary.cpuSeconds / unary.calls) * 10_000,
        busy: unary.cpuSeconds / seconds,
      },
      stream: {
        perSecond: stream.messages / stream.seconds,
        cpuSecondsPer100k: (stream.cpuSeconds / stream.messages) * 100_000,
        busy: stream.cpuSeconds / stream.seconds,
      },
      rssBytes: stream.rssBytes,
    };
  });
}

/** V8's profiles of one server under both loads, after the same warm-up. */
export function profile(server, { warmup, seconds, folder }) {
  return withServer(server, folder, async (running) => {
    const profiles = {};
    for (const [kind, load] of Object.entries(loadsOf(running.port, folder))) {
      await warmUp(running, warmup, load);
      await running.ask('start profile');
      await running.during(load(seconds));
      profiles[kind] = await running.ask('stop profile');
    }
    return profiles;
  });
}
