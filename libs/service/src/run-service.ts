import type { Type } from '@nestjs/common';
import { createService } from './create-service.js';
import { migrateService } from './migrate-service.js';
import { runCommand, runProcess } from './run-process.js';

/**
 * The whole life of a service's process: `main.ts` calls it and nothing else.
 * With the argument `migrate` it runs the pending migrations and ends (for a job before a rollout).
 */
export async function runService(service: Type): Promise<void> {
  const command = process.argv[2];
  if (command === 'migrate') {
    await runCommand(() => migrateService(service));
    return;
  }
  if (command !== undefined) {
    process.stderr.write(`unknown command "${command}"; there is "migrate", or none to serve\n`);
    process.exit(64);
  }
  await runProcess(async () => {
    const running = await createService(service);
    try {
      await running.listen();
    } catch (error) {
      await running.close();
      throw error;
    }
    return running;
  });
}
