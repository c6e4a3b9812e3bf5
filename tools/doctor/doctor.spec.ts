import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TestWorkspace } from './workspace.fixture.js';

const MAIN = join(import.meta.dirname, 'main.ts');
const TSX = join(import.meta.dirname, '../../node_modules/tsx/dist/cli.mjs');
const MODULE = 'apps/thing-service/src/thing-service.module.ts';

let workspace: TestWorkspace;
beforeEach(() => void (workspace = new TestWorkspace()));
afterEach(() => workspace.remove());

function doctor(...args: string[]) {
  const { PATH, HOME, TMPDIR } = process.env;
  const env = { PATH, HOME, TMPDIR };
  const { status, stdout, stderr } = spawnSync(process.execPath, [TSX, MAIN, ...args], {
    cwd: workspace.root,
    env,
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

describe('npm run doctor', () => {
  it('says of each check that nothing is wrong, and ends with 0', () => {
    const { status, stdout } = doctor();
    const checks = stdout.split('\n').filter((line) => line.startsWith('ok  '));
    expect(checks).toHaveLength(8);
    expect(stdout).toMatch(/Nothing is wrong\.\n$/);
    expect(status).toBe(0);
  });

  it('says what is wrong, where, and how it is mended, and ends with 1', () => {
    workspace.edit(MODULE, '8081', '3000');
    const { status, stdout } = doctor('--only', 'ports');
    expect(stdout).toBe(`FAIL  ports: no two listen on one port, and the protos say where the services listen
      error  apps/gateway  port 3000 is that of thing-service (HTTP) (${MODULE}:10) and of gateway (HTTP)
        fix: Give gateway (HTTP) a port that is free.

1 error, 0 warnings.
`);
    expect(status).toBe(1);
  });

  it('ends with 0 after warnings', () => {
    workspace.write('.env', 'HTTP_PORT=3001\n');
    const { status, stdout } = doctor('--only=ports');
    expect(stdout).toContain('0 errors, 1 warning.');
    expect(status).toBe(0);
  });

  it('prints JSON', () => {
    workspace.edit(MODULE, '[CreateThings1700000000100]', '[]');
    const { findings, notes } = JSON.parse(doctor('--json', '--only=migrations,infrastructure').stdout) as {
      findings: object[];
      notes: object;
    };
    expect(findings).toEqual([
      {
        check: 'migrations',
        severity: 'error',
        what: expect.stringContaining('CreateThings1700000000100'),
        where: `${MODULE}:11`,
        fix: expect.stringContaining('Add CreateThings1700000000100'),
      },
    ]);
    expect(Object.keys(notes)).toEqual(['migrations', 'infrastructure']);
  });

  it('goes on after a check that fails', () => {
    workspace.write('docker-compose.yml', 'services: {\n');
    const { status, stdout } = doctor('--only=ports,migrations');
    expect(stdout).toMatch(/error {2}could not be checked: docker-compose\.yml: .*\n/);
    expect(stdout).toContain('ok    migrations');
    expect(status).toBe(1);
  });

  it.each([[['--only', 'nonsense']], [['--nonsense']], [['nonsense']]])('refuses %j', (args) => {
    const { status, stderr } = doctor(...args);
    expect(stderr).toMatch(/^doctor: .*nonsense[\s\S]*--only ports,protos/);
    expect(status).toBe(64);
  });
});
