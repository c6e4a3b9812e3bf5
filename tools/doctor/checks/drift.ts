import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { Problem } from '../finding.js';
import { type Service, declaredAt } from '../workspace/app.js';

/**
 * What the entities of a service say and its migrations do not make, as PostgreSQL sees it: `npm run migration` asks the
 * service itself, which runs its migrations in a database that is dropped again.
 */
export function driftProblems(root: string, service: Service): Problem[] {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(root, 'tools/setup/migration.mjs'), service.name, 'drift'],
    { cwd: root, encoding: 'utf8' },
  );
  if (status !== 0) {
    const what = `the migrations of ${service.name} could not be run: ${stderr || stdout}`.trim();
    return [{ severity: 'error', what, where: service.module.path, fix: 'Mend what it says, and run it again.' }];
  }
  const { up } = JSON.parse(stdout.trim().split('\n').at(-1)!) as { up: string[] };
  if (up.length === 0) return [];
  const what = [`the migrations of ${service.name} do not make all that its entities say; they lack`, ...up].join('\n');
  const fix = `Run \`npm run migration -- ${service.name} generate <Name>\`.`;
  return [{ severity: 'error', what, where: declaredAt(service, 'migrations'), fix }];
}
