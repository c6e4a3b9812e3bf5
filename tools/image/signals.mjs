// The kernel drops a signal that process 1 has no handler for. Until the app has its own, this one ends the process as the
// kernel would end any other, so that a container that is told to stop while it loads does not wait for its SIGKILL.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, (_, number) => {
    if (process.listenerCount(signal) === 1) process.exit(128 + number);
  });
}
