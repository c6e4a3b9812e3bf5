// `npm run migration -- user-service run`: the pending migrations of one service, on the database of its DATABASE_URL.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { buildApps, bundleOf } from './build.mjs';
import { prepare, root } from './prepare.mjs';

const [service, command, ...rest] = process.argv.slice(2);
if (!service || !existsSync(join(root, 'apps', service)) || command !== 'run' || rest.length > 0) {
  console.error('usage: npm run migration -- <service> run');
  process.exit(64);
}
prepare();
buildApps([service]);
const { status } = spawnSync(process.execPath, ['--enable-source-maps', bundleOf(service), 'migrate'], {
  stdio: 'inherit',
});
process.exit(status ?? 1);
