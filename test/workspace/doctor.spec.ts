import { expect, it } from 'vitest';
import { CHECKS } from '../../tools/doctor/checks.js';
import { examine } from '../../tools/doctor/examine.js';
import { Workspace } from '../../tools/doctor/workspace/workspace.js';

const surroundings = { node: process.versions.node, environment: {}, against: 'HEAD', database: false };
const workspace = new Workspace(process.cwd(), surroundings);

// What runs on this machine is not the workspace's, and neither is what .env says.
it.each(CHECKS.filter(({ name }) => name !== 'infrastructure'))('npm run doctor: $promise', async (check) => {
  const [{ findings } = { findings: [] }] = await examine(workspace, [check]);
  expect(findings.filter(({ where }) => !where?.startsWith('.env'))).toEqual([]);
});
