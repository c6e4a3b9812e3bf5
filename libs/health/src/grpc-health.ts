import {
  type ServerErrorResponse,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js';
import {
  HealthCheckRequest,
  HealthCheckResponse,
  type GrpcServer,
  HealthCheckResponse_ServingStatus as ServingStatus,
  HealthDefinition,
} from '@rookery/grpc';
import type { DependencyHealth } from './dependency-health.js';
import type { Lifecycle } from './lifecycle.js';

type WatchCall = ServerWritableStream<HealthCheckRequest, HealthCheckResponse>;

/** Milliseconds between two looks at the dependencies, for those who watch. */
const INTERVAL = 1_000;

/** The empty name stands for the whole server. */
const SERVER = '';

/**
 * `grpc.health.v1`: the same answer as `/health/ready`, for the server and each of its services.
 * Protocol: https://github.com/grpc/grpc/blob/master/doc/health-checking.md
 */
export class GrpcHealth {
  private readonly names: ReadonlySet<string>;
  private readonly watchers = new Set<WatchCall>();
  private current = ServingStatus.NOT_SERVING;
  private timer: NodeJS.Timeout | undefined;

  /** @param services full names, such as `user.v1.UserService` */
  constructor(
    services: readonly string[],
    private readonly dependencies: DependencyHealth,
    lifecycle: Lifecycle,
  ) {
    this.names = new Set([SERVER, ...services]);
    lifecycle.onChange((state) => {
      if (state === 'ready') this.look();
      else this.stop();
    });
  }

  /** Before the server listens. */
  addTo(server: GrpcServer): void {
    server.addDefinition(HealthDefinition, {
      check: (
        call: ServerUnaryCall<HealthCheckRequest, HealthCheckResponse>,
        done: sendUnaryData<HealthCheckResponse>,
      ) => {
        const known = this.names.has(call.request.service);
        if (known) void this.update().then(() => done(null, { status: this.current }));
        else done(unknown(call.request.service));
      },
      list: (_call: unknown, done: sendUnaryData<object>) => {
        const statuses = () => Object.fromEntries([...this.names].map((name) => [name, { status: this.current }]));
        void this.update().then(() => done(null, { statuses: statuses() }));
      },
      watch: (call: WatchCall) => this.watch(call),
    });
  }

  private watch(call: WatchCall): void {
    if (!this.names.has(call.request.service)) {
      // By the protocol a watch waits for a service that may come.
      call.write({ status: ServingStatus.SERVICE_UNKNOWN });
      return;
    }
    call.write({ status: this.current });
    this.watchers.add(call);
    call.on('cancelled', () => this.watchers.delete(call));
  }

  private look(): void {
    void this.update();
    this.timer = setInterval(() => void this.update(), INTERVAL).unref();
  }

  /** Whoever watches is told and let go: a watch has no end of its own, and the server waits for its calls. */
  private stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
    this.set(ServingStatus.NOT_SERVING);
    for (const call of this.watchers) call.end();
    this.watchers.clear();
  }

  /** A change is told to those who watch, whoever's question brought it to light. */
  private async update(): Promise<void> {
    if (!this.timer) return;
    const serving = await this.dependencies.check().then(
      () => true,
      () => false,
    );
    if (this.timer) this.set(serving ? ServingStatus.SERVING : ServingStatus.NOT_SERVING);
  }

  private set(next: ServingStatus): void {
    if (next === this.current) return;
    this.current = next;
    for (const call of this.watchers) call.write({ status: next });
  }
}

function unknown(service: string): ServerErrorResponse {
  const message = `no service ${service} is served here`;
  return { code: status.NOT_FOUND, details: message, message, name: 'NotFound' };
}
