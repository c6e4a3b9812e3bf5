import { expect, it } from 'vitest';
import { CHECKS } from '../../tools/doctor/checks.js';
import { examine } from '../../tools/doctor/examine.js';
import type { Finding } from '../../tools/doctor/finding.js';
import { Workspace } from '../../tools/doctor/workspace/workspace.js';

const surroundings = { node: process.versions.node, environment: {}, against: 'HEAD', database: false };
const workspace = new Workspace(process.cwd(), surroundings);

/** What .env says is this machine's, not the workspace's. */
const isOfWorkspace = ({ where }: Finding) => !where?.startsWith('.env');
/** `npm run g -- remove` keeps the protos that other apps are written against. */
const isOfKeptProto = ({ severity, what }: Finding) => severity === 'warning' && what.endsWith('no app is called so');

// The servers that run on this machine are not the workspace's either.
it.each(CHECKS.filter(({ name }) => name !== 'infrastructure'))('npm run doctor: $promise', async (check) => {
  const results = await examine(workspace, [check]);
  expect(results).toMatchObject([{ check: check.name }]);
  const findings = results.flatMap((result) => result.findings);
  expect(findings.filter((finding) => isOfWorkspace(finding) && !isOfKeptProto(finding))).toEqual([]);
});
