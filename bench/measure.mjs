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
export async function warmUp(server, cpuSeconds, load) {
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

/** One load on one server, for so many seconds, in the figures that are compared. */
const FIGURES = {
  async unary(server, load, seconds) {
    const { calls, perSecond, p50, p99, cpuSeconds, rssBytes } = await costed(server, () => load(seconds));
    return {
      perSecond,
      p50,
      p99,
      cpuSecondsPer10k: (cpuSeconds / calls) * 10_000,
      busy: cpuSeconds / seconds,
      rssBytes,
    };
  },
  async stream(server, load, seconds) {
    const { messages, seconds: took, cpuSeconds, rssBytes } = await costed(server, () => load(seconds));
    return {
      perSecond: messages / took,
      cpuSecondsPer100k: (cpuSeconds / messages) * 100_000,
      busy: cpuSeconds / took,
      rssBytes,
    };
  },
};

/** The figures that a baseline would have had which is as quick as its processes on average. */
function meanOf(figures) {
  const names = Object.keys(figures[0]);
  const mean = (name) => figures.reduce((sum, one) => sum + one[name], 0) / figures.length;
  return Object.fromEntries(names.map((name) => [name, mean(name)]));
}

/**
 * Measures all servers in turn, often and shortly. They run side by side, warm, and only one is loaded at a time. All get
 * the same load: a server that has had more of it is quicker, by a quarter when it had ten times as much. They are started
 * anew now and then: V8 does not come to the same code in each process, and two of the same program differ by a tenth.
 * @param {{ name: string, path: string }[]} servers
 * @param {string[]} baselines names of servers that are the same: the others are compared with their mean
 * @param {{ processes: number, rounds: number, warmup: number, seconds: number, folder: string }} options warmup: CPU
 *   seconds of a server
 * @param {(name: string, sample: object) => void} onSample told of `{ unary, stream }`, each `{ its, beside }`
 */
export async function measureAll(servers, baselines, { processes, ...options }, onSample) {
  for (let process = 0; process < processes; process += 1) {
    await measureProcesses(servers, baselines, options, onSample);
  }
}

async function measureProcesses(servers, baselines, { rounds, warmup, seconds, folder }, onSample) {
  const running = new Map();
  try {
    for (const server of servers) {
      const started = await startServer(server, folder);
      running.set(server.name, { ...started, loads: loadsOf(started.port, folder) });
      await started.during(verify(started.port));
      await warmUp(started, warmup, running.get(server.name).loads.unary);
      // What both kinds share is warm.
      await warmUp(started, warmup / 2, running.get(server.name).loads.stream);
    }
    const figures = (name, kind) => FIGURES[kind](running.get(name), running.get(name).loads[kind], seconds);
    for (let round = 0; round < rounds; round += 1) {
      // In an order that moves on by a few each round: none is always first.
      const first = Math.floor((round * servers.length) / rounds);
      const measured = new Map();
      for (const { name } of [...servers.slice(first), ...servers.slice(0, first)]) {
        measured.set(name, { unary: await figures(name, 'unary'), stream: await figures(name, 'stream') });
      }
      const beside = baselines.flatMap((name) => measured.get(name) ?? []);
      const unary = meanOf(beside.map((one) => one.unary));
      const stream = meanOf(beside.map((one) => one.stream));
      for (const [name, its] of measured) {
        onSample(name, { unary: { its: its.unary, beside: unary }, stream: { its: its.stream, beside: stream } });
      }
    }
    for (const server of running.values()) await server.stop();
  } catch (error) {
    for (const server of running.values()) server.kill();
    throw error;
  }
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
