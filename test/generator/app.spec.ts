import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { OrderServiceDefinition } from '@rookery/contracts/order/v1';
import { freePort } from '@rookery/embedded';
import { Unimplemented } from '@rookery/errors';
import { createGrpcClient } from '@rookery/grpc';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Outcome, WorkspaceCopy } from './workspace-copy.js';

/**
 * With everything, with each option off, and one with a name that widens a table: side by side, so that one run of the
 * checks is for all of them.
 */
const SERVICES = [
  { name: 'ParcelService', app: 'parcel-service', options: [] },
  { name: 'credit_card', app: 'credit-card-service', options: ['--no-database'] },
  { name: 'customer-invoice-service', app: 'customer-invoice-service', options: ['--no-cache'] },
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
    [['rpc', 'ShipOrder'], 'Of which service?'],
    [['rpc', 'GetOrder', '--project', 'order'], 'OrderService has an RPC GetOrder already'],
    [['rpc', '7up', '--project', 'order'], 'is no name for an RPC'],
    [['rpc', 'ShipOrder', '--project', 'gateway'], 'gateway is no gRPC service'],
    [
      ['rpc', 'ShipOrder', '--project', 'order', '--service', 'News'],
      'There is no service News; there is OrderService',
    ],
    [['rpc', 'ShipOrder', '--project', 'order', '--stream', 'sideways'], 'stream takes none, server, client or both'],
    [['event', 'OrderCreated', '--project', 'order'], 'has a message OrderCreated already'],
    [['event', 'OrderShipped', '--project', 'order', '--consumer', 'parcel'], 'There is no service parcel-service'],
    [['migration', 'AddPhone', '--project', 'parcel'], 'There is no service parcel-service'],
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
    expect(read('apps/customer-invoice-service/src/customer-invoice-service.module.ts')).not.toContain('cache');
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

  it('take more RPCs, of all kinds, wherever their sources come from', async () => {
    ok(await workspace.exec('npx', ['nest', 'g', 'rpc', 'SendParcel', '--project', 'parcel-service']));
    for (const stream of ['server', 'client', 'both']) {
      ok(await g('rpc', `${stream}TrackParcel`, '--project', 'parcel', '--stream', stream));
    }
    // Written by hand, and generated from a proto.
    expect(ok(await g('rpc', 'ShipOrder', '--project', 'order'))).toContain('order.v1.OrderService/ShipOrder');
    expect(ok(await g('rpc', 'CloseLedger', '--project', 'payment', '--service', 'LedgerService'))).toContain(
      'payment.v1.LedgerService/CloseLedger',
    );
    const proto = read('proto/parcel/v1/parcel.proto');
    expect(proto).toContain('post: "/v1/parcels/{id}:send"');
    expect(proto).toContain('{get: "/v1/parcels/{id}:serverTrack"}');
    expect(proto).toContain('rpc BothTrackParcel(stream BothTrackParcelRequest) returns (stream Parcel);');
    expect(read('apps/order-service/src/order.controller.ts')).toContain('return this.orders.shipOrder(request);');
    expect(read('apps/payment-service/src/ledger.controller.ts')).toContain('closeLedger(');
  });

  it('take events and migrations', async () => {
    const none = await g('event', 'ParcelSent', '--project', 'parcel', '--consumer', 'credit-card');
    expect(none).toMatchObject({ code: 1, output: expect.stringContaining('can handle no events') as string });
    ok(await workspace.exec('npx', ['nest', 'g', 'event', 'ParcelSent', '--project', 'parcel-service']));
    ok(await g('event', 'ParcelLost', '--project', 'parcel', '--consumer', 'customer-invoice'));
    ok(await g('event', 'ParcelFound', '--project', 'parcel', '--consumer', 'customer-invoice'));
    ok(await g('migration', 'AddWeight', '--project', 'parcel'));
    expect(read('apps/parcel-service/src/parcel-service.module.ts')).toMatch(/migrations: \[[^\]]*, AddWeight\d+\]/);
    expect(read('apps/customer-invoice-service/src/customer-invoice-events.controller.ts')).toMatch(
      /ParcelLost\)[^]*ParcelFound\)/,
    );
  });

  it('pass the linter', async () => {
    write('test/chaos/parcel-service.spec.ts', read('test/generator/fixture/parcel-service.spec.ts.txt'));
    write(
      'test/e2e/parcel-starting.spec.ts',
      read('test/e2e/starting.spec.ts').replaceAll('user-service', 'parcel-service'),
    );
    ok(await workspace.exec('npm', ['run', '--silent', 'contracts']));
    const protos = ['--path', 'proto/parcel', '--path', 'proto/order'];
    ok(await workspace.exec('npx', ['buf', 'lint', ...protos]));
    ok(await workspace.exec('npx', ['buf', 'format', '--diff', '--exit-code', ...protos]));
    ok(await workspace.exec('npx', ['prettier', '--write', 'test/e2e/parcel-starting.spec.ts']));
    ok(await workspace.exec('npm', ['run', '--silent', 'lint']));
  });

  it('are well typed', async () => {
    ok(await workspace.exec('npm', ['run', '--silent', 'typecheck']));
  });

  it('pass their tests, and those of the workspace, of its manifests and of its documents', async () => {
    const own = APPS.flatMap((app) => [`apps/${app}`, `test/integration/${app}`, `test/e2e/${app}`]);
    const projects = ['unit', 'integration', 'e2e'].flatMap((project) => ['--project', project]);
    const specs = [...own, 'apps/payment-service', 'apps/order-service', 'test/workspace', 'test/deploy'];
    ok(await workspace.exec('npx', ['vitest', 'run', ...projects, ...specs]));
  });

  it('are ready in under 1.5 s, as the samples are', async () => {
    const spec = ['test/e2e/parcel-starting.spec.ts', '-t', 'is ready in under'];
    expect(ok(await workspace.exec('npx', ['vitest', 'run', '--project', 'e2e', ...spec]))).toContain('1 passed');
  });

  it('lose nothing when replicas are stopped or killed, and answer foreign clients, as the samples do', async () => {
    const spec = ['--project', 'chaos', 'test/chaos/parcel-service.spec.ts'];
    expect(ok(await workspace.exec('npx', ['vitest', 'run', ...spec]))).toContain('3 passed');
  });

  it('make in PostgreSQL what their entities say, and the doctor finds one that does not', async () => {
    const entity = 'apps/parcel-service/src/parcel.entity.ts';
    const made = read(entity);
    write(entity, made.replace("@Column('text')", "@Column('text', { nullable: true })"));
    const { code, output } = await workspace.exec('npm', ['run', '--silent', 'doctor', '--', '--database']);
    write(entity, made);
    expect(output).toContain('ALTER TABLE "parcels" ALTER COLUMN "title" DROP NOT NULL\n');
    expect(output).toContain('\n1 error, 0 warnings.\n');
    expect(code, output).toBe(1);
  });

  it('are refused a second time', async () => {
    const before = await workspace.changes();
    expect(await g('app', 'parcel')).toMatchObject({ code: 1 });
    expect(await workspace.changes()).toEqual(before);
  });

  it('have the manifests of the samples, but for names', () => {
    const files = readdirSync(join(workspace.root, 'k8s/base/user-service'));
    expect(readdirSync(join(workspace.root, 'k8s/base/parcel-service'))).toEqual(files);
    for (const file of files) {
      const own = read(`k8s/base/parcel-service/${file}`);
      const sample = own.replaceAll('parcel-service', 'user-service').replace('parcel.v1.Parcel', 'user.v1.User');
      expect(sample).toBe(read(`k8s/base/user-service/${file}`));
    }
  });

  it('go without a trace, but for a proto that was there before', async () => {
    ok(await workspace.exec('git', ['checkout', '--', 'apps/order-service', 'proto/order']));
    for (const added of [
      'apps/order-service/src/ship-order',
      'test/chaos/parcel-service',
      'test/e2e/parcel-starting',
    ]) {
      rmSync(join(workspace.root, `${added}.spec.ts`));
    }
    // customer-invoice-service handles events of parcel-service.
    for (const { name } of SERVICES.toReversed()) ok(await g('remove', name));
    ok(await g('remove', 'payment'));
    expect(await workspace.changes()).toEqual([
      '?? proto/payment/v1/ledger.proto',
      '?? proto/payment/v1/payment.proto',
    ]);
  });
});

it('makes a service in under 4 s', async () => {
  const times: number[] = [];
  for (let round = 0; round < 3; round += 1) {
    const made = await workspace.exec('node_modules/.bin/nest', ['g', 'app', 'parcel', '--dry-run']);
    expect(ok(made)).toContain('CREATE');
    times.push(made.took);
  }
  // The best of three: other work of the machine can only make it slower.
  expect(Math.min(...times)).toBeLessThan(4_000);
});

it('writes a service that was removed once more, from the protos that other apps are written against', async () => {
  expect(ok(await g('remove', 'order'))).toContain('proto/order stays: notification-service');
  ok(await workspace.exec('npx', ['nest', 'g', 'app', 'order-service']));
  const [grpc, http] = [await freePort(), await freePort()];
  const started = workspace.start('node_modules/.bin/nest', ['start', 'order-service'], {
    GRPC_PORT: String(grpc),
    HTTP_PORT: String(http),
  });
  try {
    const ready = () => fetch(`http://127.0.0.1:${http}/health/ready`).then(({ status }) => status);
    await expect.poll(() => ready().catch(() => started.output()), { timeout: 60_000 }).toBe(200);
    const client = createGrpcClient(OrderServiceDefinition, { target: `127.0.0.1:${grpc}`, timeout: 5_000 });
    await expect(client.methods.getOrder({ id: '1' })).rejects.toThrow(Unimplemented);
    client.close();
  } finally {
    await started.stop();
  }
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
