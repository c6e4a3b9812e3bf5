import { setTimeout as sleep } from 'node:timers/promises';
import { runProcess } from './run-process.js';

/** A process whose start and stop take as many milliseconds as its environment says, and that tells of them. */
await runProcess(async () => {
  console.log('starting');
  await sleep(Number(process.env['START']));
  return {
    close: async () => {
      console.log('closing');
      await sleep(Number(process.env['STOP']));
      console.log('closed');
    },
    forceClose: () => undefined,
  };
});
