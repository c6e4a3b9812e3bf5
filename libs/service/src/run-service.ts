import type { Type } from '@nestjs/common';
import { createService } from './create-service.js';
import { MIGRATE_COMMANDS, migrateService } from './migrate-service.js';
import { refuseArguments, runCommand, runProcess } from './run-process.js';

/**
 * The whole life of a service's process: `main.ts` calls it and nothing else.
 * With the argument `migrate` it runs the pending migrations and ends (for a job before a rollout); `migrate revert`,
 * `migrate show` and `migrate drift` do what they say instead.
 */
export async function runService(service: Type): Promise<void> {
  const [command, what = 'run', ...rest] = process.argv.slice(2);
  if (command === 'migrate' && MIGRATE_COMMANDS.includes(what) && rest.length === 0) {
    await runCommand(() => migrateService(service, what));
    return;
  }
  if (command !== undefined) {
    refuseArguments(process.argv.slice(2), `there is "migrate [${MIGRATE_COMMANDS.join('|')}]", or none to serve`);
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
