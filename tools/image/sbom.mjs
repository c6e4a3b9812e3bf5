// `npm run -s sbom -- user-service`: the npm packages that an app is made of, for audits.
import { parseArgs } from 'node:util';
import { buildApps } from '../setup/build.mjs';
import { prepare, root } from '../setup/prepare.mjs';
import { bill, licenses } from './bill.mjs';
import { requireApp } from './packages.mjs';

const USAGE = `usage: npm run -s sbom -- [<app>] [--licenses [--json]]

  A software bill of materials (CycloneDX 1.5, JSON) of what an app runs with; without an app, of all production
  dependencies.
  --licenses   the packages and their licenses instead, as a table; with --json, as JSON`;

function read() {
  const flag = { type: 'boolean', default: false };
  try {
    const { values, positionals } = parseArgs({ options: { licenses: flag, json: flag }, allowPositionals: true });
    if (positionals.length > 1) throw new Error(`One app at a time, not "${positionals.join(' ')}".`);
    return { ...values, app: positionals[0] };
  } catch (error) {
    console.error(`${error.message}\n\n${USAGE}`);
    process.exit(64);
  }
}

function table(rows) {
  const width = (key) => Math.max(...rows.map((row) => row[key].length));
  const [name, version] = [width('package'), width('version')];
  return rows.map((row) => `${row.package.padEnd(name)}  ${row.version.padEnd(version)}  ${row.license}`).join('\n');
}

const { app, licenses: wantsLicenses, json } = read();
if (app !== undefined) requireApp(app, USAGE);
process.chdir(root);
prepare();
if (app) buildApps([app], console.error);
const document = bill(app);
if (!wantsLicenses) console.log(JSON.stringify(document, null, 2));
else if (json) console.log(JSON.stringify(licenses(document), null, 2));
else console.log(table(licenses(document)));
