// `npm run image -- user-service`: the image of an app.
import { parseArgs } from 'node:util';
import { buildImage } from './build-image.mjs';
import { chooseEngine, ENGINES } from './engine.mjs';
import { requireApp } from './packages.mjs';

const USAGE = `usage: npm run image -- <app> [options] [-- options of the engine's build]

  --tag <name>      default rookery/<app>
  --engine <name>   ${ENGINES.join(', ')}; default: the first that answers
  --base <image>    a Node image in place of the one that the Dockerfile names`;

function refuse(message) {
  console.error(`${message}\n\n${USAGE}`);
  process.exit(64);
}

function read() {
  const words = process.argv.slice(2);
  const end = words.includes('--') ? words.indexOf('--') : words.length;
  const string = { type: 'string' };
  const options = { tag: string, engine: string, base: string };
  try {
    const { values, positionals } = parseArgs({ args: words.slice(0, end), options, allowPositionals: true });
    return { ...values, apps: positionals, more: words.slice(end + 1) };
  } catch (error) {
    refuse(error.message);
  }
}

const { apps, engine: wanted, ...rest } = read();
if (apps.length > 1) refuse(`One app at a time, not "${apps.join(' ')}".`);
const [app] = apps;
requireApp(app, USAGE);
if (wanted && !ENGINES.includes(wanted)) refuse(`--engine takes ${ENGINES.join(', ')}, not "${wanted}".`);

try {
  process.exitCode = buildImage({ engine: chooseEngine({ wanted }), app, ...rest });
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
