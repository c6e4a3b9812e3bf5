// `npm run test:image`: builds the image of user-service and runs it as a pod does, on real servers.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startServers } from '../infra/index.js';
import { buildImage } from './build-image.mjs';
import { chooseEngine, type Engine } from './engine.mjs';
import { type ImageConfig, promises } from './promises.js';
import { RunningImage } from './running-image.js';

const APP = 'user-service';
const TAG = `rookery/${APP}:check`;

/** What engines say of an image; Podman has the health check beside `Config`, Docker in it. */
interface Described extends Pick<ImageConfig, 'Healthcheck'> {
  Size: number;
  Config: ImageConfig;
}

async function main(engine: Engine, base: string | undefined): Promise<void> {
  console.log(`Building ${TAG} with ${engine} …`);
  assert.equal(buildImage({ engine, app: APP, tag: TAG, base }), 0, `${engine} could not build the image`);
  const about = execFileSync(engine, ['image', 'inspect', TAG], { encoding: 'utf8' });
  const [{ Size, Config, Healthcheck = Config.Healthcheck }] = JSON.parse(about) as [Described];

  const servers = await startServers({ dir: folder, postgresSettings: { fsync: 'off' } });
  const image = await RunningImage.start({ engine, tag: TAG, servers });
  for (const [promise, keep] of promises(image, { ...Config, Healthcheck })) {
    const detail = await keep();
    console.log(`ok  ${promise}${detail ? `: ${detail}` : ''}`);
  }
  console.log(`\n${TAG} has ${(Size / 1e6).toFixed(0)} MB.`);
  await servers.stop();
}

const { values } = parseArgs({ options: { engine: { type: 'string' }, base: { type: 'string' } } });
const folder = mkdtempSync(join(tmpdir(), 'rookery-image-'));
// The container and the servers end with this process, however it ends.
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
try {
  const wanted = values.engine as Engine | undefined;
  await main(chooseEngine({ wanted, from: ['docker', 'podman'] }), values.base);
  process.exit(0);
} catch (error) {
  console.error(`FAILED  ${(error as Error).message}`);
  process.exit(1);
}
