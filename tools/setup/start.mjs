// `npm start`: the whole platform in this process, built first when a source is newer than the build.
import { existsSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { buildApps, bundleOf } from './build.mjs';
import { prepare, root } from './prepare.mjs';

process.chdir(root);
prepare();
buildApps(['platform']);
if (existsSync('.env')) process.loadEnvFile('.env');
process.setSourceMapsEnabled(true);
await import(pathToFileURL(bundleOf('platform')).href);
