import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Outcome, WorkspaceCopy } from './workspace-copy.js';

/** With everything, and with each option off: side by side, so that one run of the checks is for all of them. */
const SERVICES = [
  { name: 'ParcelService', app: 'parcel-service', options: [] },
  { name: 'credit_card', app: 'credit-card-service', options: ['--no-database'] },
  { name: 'invoice-service', app: 'invoice-service', options: ['--no-cache'] },
  { name: 'ticket', app: 'ticket-service', options: ['--no-messaging', '--no-k8s', '--port', '50070'] },
];
/** All four kinds of RPC, every kind of field, several services. */
const FIXTURE = 'tools/schematics/proto/fixture/payment/v1';
const APPS = SERVICES.map(({ app }) => app);

let workspace: WorkspaceCopy;
beforeAll(async () => {
  workspace = await WorkspaceCopy.make();
}, 300_000);
afterAll(() => workspace?.remove());

const g = (...args: string[]) => workspace.exec('node', ['tools/schematics/cli.js', ...args]);
const read = (path: string) => readFileSync(join(workspace.root, path), 'utf8');
function write(path: string, text: string): void {
  mkdirSync(dirname(join(workspace.root, path)), { recursive: true });
  writeFileSync(join(workspace.root, path), text);
}

function ok({ code, output }: Outcome): string {
  expect(code, output).toBe(0);
  return output;
}

describe('what cannot be made is refused, and nothing is changed', () => {
  it.each([
    [['app', 'user-service'], 'user-service is there already'],
    [['app', 'gateway'], '"gateway" is reserved'],
    [['app', 'class'], '"class" is reserved'],
    [['app', '7up'], 'is no name for a service'],
    [['app', 'news'], 'is a plural'],
    [['app', 'payment', '--port', '50051'], "Port 50051 is another service's"],
    [['app', 'payment', '--port', '3000'], "Port 3000 is the gateway's"],
    [['app', 'payment', '--port', '5432'], 'docker-compose.yml publishes port 5432'],
    [['app', 'payment', '--port', 'x'], '--port takes a number'],
    [['app', 'payment', '--no-nonsense'], 'Unknown option'],
    [['app'], 'What is the service called?'],
    [['remove', 'payment'], 'There is no service payment-service'],
    [['nonsense'], 'There is no "nonsense"'],
  ])('%j', async (args, message) => {
    const { code, output } = await g(...args);
    expect(output).toContain(message);
    expect(code).not.toBe(0);
    expect(await workspace.changes()).toEqual([]);
  });

  it('shows with --dry-run what it would do', async () => {
    const output = ok(await g('app', 'payment', '--dry-run'));
    expect(output).toContain('CREATE apps/payment-service/src/payment.controller.ts');
    expect(output).toContain('UPDATE nest-cli.json');
    expect(await workspace.changes()).toEqual([]);
  });
});

describe('services that were made', () => {
  beforeAll(async () => {
    const [first, ...others] = SERVICES;
    // As its users do.
    ok(await workspace.exec('npx', ['nest', 'g', 'app', first!.name]));
    for (const { name, options } of others) ok(await g('app', name, ...options));
  }, 120_000);

  it('have ports of their own', () => {
    const ports = APPS.map((app) => /ports: (.*),/.exec(read(`apps/${app}/src/${app}.module.ts`))![1]);
    expect(ports).toEqual([
      '{ grpc: 50054, http: 8084 }',
      '{ grpc: 50055, http: 8085 }',
      '{ grpc: 50056, http: 8086 }',
      '{ grpc: 50070, http: 8087 }',
    ]);
  });

  it('have what was asked for', () => {
    expect(existsSync(join(workspace.root, 'apps/credit-card-service/src/credit-card.entity.ts'))).toBe(false);
    expect(read('apps/invoice-service/src/invoice-service.module.ts')).not.toContain('cache');
    expect(existsSync(join(workspace.root, 'proto/ticket/v1/ticket_events.proto'))).toBe(false);
    expect(existsSync(join(workspace.root, 'k8s/base/ticket-service'))).toBe(false);
  });

  it('have protos that pass the linter', async () => {
    ok(await workspace.exec('npm', ['run', '--silent', 'proto:lint']));
  });

  it('are written for a proto that was there, and brought up to date with it', async () => {
    for (const file of ['payment.proto', 'ledger.proto']) {
      const taken = read(`${FIXTURE}/${file}`);
      write(`proto/payment/v1/${file}`, taken);
      if (!taken.includes(':50054')) continue;
      expect(await g('app', 'payment')).toMatchObject({ code: 1 });
      write(`proto/payment/v1/${file}`, taken.replaceAll(':50054', ':50080'));
    }
    const output = ok(await g('app', 'payment'));
    expect(output).toContain('payment.v1.PaymentService/CreatePayment');
    const controller = 'apps/payment-service/src/ledger.controller.ts';
    write(controller, read(controller).replace('return this.', '// by hand\n    return this.'));
    const proto = 'proto/payment/v1/ledger.proto';
    const gained = '\n  // Stores one entry.\n  rpc PutEntry(Entry) returns (Entry);\n}';
    const audits =
      '\n// Looks at entries.\nservice AuditService {\n  // Looks at one.\n  rpc Audit(Entry) returns (Entry);\n}\n';
    write(proto, read(proto).replace(/^}/m, gained) + audits);
    expect(await g('app', 'payment', '--port', '50081')).toMatchObject({ code: 1 });
    const again = ok(await g('app', 'payment'));
    expect(again).toContain('payment.v1.AuditService/Audit');
    const module = read('apps/payment-service/src/payment-service.module.ts');
    expect(module).toMatch(/controllers: \[[^\]]*\bAuditController\b/);
    expect(module).toMatch(/providers: \[[^\]]*\bAuditService\b/);
    expect(read(controller)).toContain('// by hand');
    expect(read(controller)).toContain('putEntry(');
  });

  it('pass the linter', async () => {
    ok(await workspace.exec('npm', ['run', '--silent', 'contracts']));
    ok(await workspace.exec('npm', ['run', '--silent', 'lint']));
  });

  it('are well typed', async () => {
    ok(await workspace.exec('npm', ['run', '--silent', 'typecheck']));
  });

  it('pass their tests, and those of the workspace, of its manifests and of its documents', async () => {
    const own = APPS.flatMap((app) => [`apps/${app}`, `test/integration/${app}`, `test/e2e/${app}`]);
    const projects = ['unit', 'integration', 'e2e'].flatMap((project) => ['--project', project]);
    const specs = [...own, 'apps/payment-service', 'test/workspace', 'test/deploy'];
    ok(await workspace.exec('npx', ['vitest', 'run', ...projects, ...specs]));
  });

  it('are refused a second time', async () => {
    const before = await workspace.changes();
    expect(await g('app', 'parcel')).toMatchObject({ code: 1 });
    expect(await workspace.changes()).toEqual(before);
  });

  it('have the manifests of the samples, but for names', () => {
    for (const file of ['deployment', 'service', 'service-account', 'kustomization']) {
      const own = read(`k8s/base/parcel-service/${file}.yaml`);
      const sample = own.replaceAll('parcel-service', 'user-service').replace('parcel.v1.Parcel', 'user.v1.User');
      expect(sample).toBe(read(`k8s/base/user-service/${file}.yaml`));
    }
  });

  it('go without a trace, but for a proto that was there before', async () => {
    for (const { name } of SERVICES) ok(await g('remove', name));
    ok(await g('remove', 'payment'));
    expect(await workspace.changes()).toEqual([
      '?? proto/payment/v1/ledger.proto',
      '?? proto/payment/v1/payment.proto',
    ]);
  });
});

it('keeps the protos that other apps are written against when their service goes', async () => {
  expect(ok(await g('remove', 'order', '--dry-run'))).toContain('proto/order stays: notification-service');
});

it("leaves Nest's own schematics as they are", async () => {
  for (const [schematic, name, ...options] of [
    ['resource', 'things', '--project=user-service', '--type=rest', '--crud'],
    ['library', 'tools-of-mine'],
    ['service', 'thing', '--project=user-service'],
  ] as const) {
    const output = ok(await workspace.exec('npx', ['nest', 'g', schematic, name, '--dry-run', ...options]));
    expect(output).toContain('CREATE');
  }
});
