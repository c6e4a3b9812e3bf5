// `npm run sbom -- user-service`: what an app is made of, for audits; tools/image/README.md.
import { parseArgs } from 'node:util';
import { buildApps } from '../setup/build.mjs';
import { prepare, root } from '../setup/prepare.mjs';
import { bill, licenses } from './bill.mjs';
import { options, requireApp } from './packages.mjs';

const USAGE = `usage: npm run -s sbom [-- <app>] [--licenses] [--json]

  Without an app: all production dependencies.
  A software bill of materials, CycloneDX 1.5 in JSON, or:
  --licenses   a table of packages and their licenses; with --json, as JSON`;
