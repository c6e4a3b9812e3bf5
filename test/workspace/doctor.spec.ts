import { documentConfig } from '@rookery/config';
import { expect, it, vi } from 'vitest';
import { CHECKS } from '../../tools/doctor/checks.js';
import { knownVariables } from '../../tools/doctor/checks/known-variables.js';
import { examine } from '../../tools/doctor/examine.js';
import type { Finding } from '../../tools/doctor/finding.js';
import { Workspace } from '../../tools/doctor/workspace/workspace.js';
import { applications } from '../deploy/applications.js';

// A process of buf is started: with half a core, seconds.
vi.setConfig({ testTimeout: 30_000 });

const surroundings = { node: process.versions.node, environment: {}, against: 'HEAD', database: false };
const workspace = new Workspace(process.cwd(), surroundings);

/** What .env says is this machine's, not the workspace's. */
const isOfWorkspace = ({ where }: Finding) => !where?.startsWith('.env');
/** `npm run g -- remove` keeps the protos that other apps are written against, and takes the others along. */
const isOfRemovedService = ({ severity, what }: Finding) =>
  severity === 'warning' && /no app is called so$|" was deleted\./.test(what);

// The servers that run on this machine are not the workspace's either.
it.each(CHECKS.filter(({ name }) => name !== 'infrastructure'))('npm run doctor: $promise', async (check) => {
  const results = await examine(workspace, [check]);
  expect(results).toMatchObject([{ check: check.name }]);
  const findings = results.flatMap((result) => result.findings);
  expect(findings.filter((finding) => isOfWorkspace(finding) && !isOfRemovedService(finding))).toEqual([]);
});

// The doctor reads sources; the apps know. What it overlooked it would take for a variable that nobody reads.
it.each(applications)('npm run doctor knows every variable of $name', ({ name, config }) => {
  const page = documentConfig(config.map((type) => ({ title: '', type })));
  const read = [...page.matchAll(/^\| `(\w+)` \|/gm)].map((match) => match[1]!);
  expect(read).toContain('NODE_ENV');
  const app = workspace.apps.find((each) => each.name === name)!;
  const known = knownVariables(workspace, app).map((variable) => variable.name);
  expect(read.filter((variable) => !known.includes(variable))).toEqual([]);
});
