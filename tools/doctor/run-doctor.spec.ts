import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { UsageError, runDoctor } from './run-doctor.js';
import { TestWorkspace } from './workspace.fixture.js';

// A process of buf is started: with half a core, seconds.
vi.setConfig({ testTimeout: 30_000 });

const MODULE = 'apps/thing-service/src/thing-service.module.ts';

let workspace: TestWorkspace;
beforeEach(() => void (workspace = new TestWorkspace()));
afterEach(() => workspace.remove());

const doctor = (...args: string[]) => runDoctor(args, workspace.root, { node: '20.19.0', environment: {} });

describe('npm run doctor', () => {
  it('says of each check that nothing is wrong', async () => {
    const { healthy, output } = await doctor();
    const checks = output.split('\n').filter((line) => line.startsWith('ok  '));
    expect(checks).toHaveLength(8);
    expect(output).toMatch(/Nothing is wrong\.$/);
    expect(healthy).toBe(true);
  });

  it('says what is wrong, where, and how it is mended', async () => {
    workspace.edit(MODULE, '8081', '3000');
    const { healthy, output } = await doctor('--only', 'ports');
    expect(output).toBe(`FAIL  ports: no two listen on one port, and the protos say where the services listen
      error  apps/gateway  port 3000 is that of thing-service (HTTP) (${MODULE}:10) and of gateway (HTTP)
        fix: Give gateway (HTTP) a port that is free.

1 error, 0 warnings.`);
    expect(healthy).toBe(false);
  });

  it('is content when there are warnings only', async () => {
    workspace.write('.env', 'HTTP_PORT=3001\n');
    const { healthy, output } = await doctor('--only=ports');
    expect(output).toContain('0 errors, 1 warning.');
    expect(healthy).toBe(true);
  });

  it('prints JSON', async () => {
    workspace.edit(MODULE, '[CreateThings1700000000100]', '[]');
    const { findings, notes } = JSON.parse((await doctor('--json', '--only=migrations,infrastructure')).output) as {
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

  it('goes on after a check that fails', async () => {
    workspace.write('docker-compose.yml', 'services: {\n');
    const { healthy, output } = await doctor('--only=ports,migrations');
    expect(output).toMatch(/error {2}could not be checked: docker-compose\.yml: .*\n/);
    expect(output).toContain('ok    migrations');
    expect(healthy).toBe(false);
  });

  it('says once why several checks fail', async () => {
    workspace.edit(MODULE, '@Module({', '<<<<<<< HEAD\n@Module({');
    const { output } = await doctor('--only=ports,protos,migrations');
    expect(output.split(`could not be checked: ${MODULE}:5: Merge conflict marker encountered.`)).toHaveLength(2);
    expect(output).toContain('FAIL  migrations');
    expect(output.split('could not be checked, for the same reason as ports')).toHaveLength(3);
  });

  it.each([[['--only', 'nonsense']], [['--nonsense']], [['nonsense']]])('refuses %j', async (args) => {
    await expect(doctor(...args)).rejects.toThrow(UsageError);
    await expect(doctor(...args)).rejects.toThrow('nonsense');
  });
});
