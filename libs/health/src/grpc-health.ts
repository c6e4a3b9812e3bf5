import type { UntypedServiceImplementation } from '@grpc/grpc-js';
import { HealthImplementation, type ServingStatusMap } from 'grpc-health-check';
import type { GrpcServer } from '@rookery/grpc';
import type { DependencyHealth } from './dependency-health.js';
import type { Lifecycle } from './lifecycle.js';

/** Milliseconds between two looks at the dependencies. */
const INTERVAL = 1_000;

/** The empty name stands for the whole server. */
const SERVER = '';

/** `grpc.health.v1`: the same answer as `/health/ready`, for the server and each of its services. */
export class GrpcHealth {
  private readonly implementation: HealthImplementation;
  private readonly names: string[];
  private timer: NodeJS.Timeout | undefined;

  /** @param services full names, such as `user.v1.UserService` */
  constructor(
    services: readonly string[],
    private readonly dependencies: DependencyHealth,
    lifecycle: Lifecycle,
  ) {
    this.names = [SERVER, ...services];
    const initial: ServingStatusMap = Object.fromEntries(this.names.map((name) => [name, 'NOT_SERVING']));
    this.implementation = new HealthImplementation(initial);
    lifecycle.onChange((state) => {
      if (state === 'ready') void this.watch();
      else this.stop();
    });
  }

  /** Before the server listens. */
  addTo(server: GrpcServer): void {
    this.implementation.addToServer({
      addService: (definition: never, implementation: UntypedServiceImplementation) =>
        server.addService(definition, implementation),
    } as never);
  }

  private async watch(): Promise<void> {
    await this.update();
    this.timer = setInterval(() => void this.update(), INTERVAL).unref();
  }

  private stop(): void {
    clearInterval(this.timer);
    this.set('NOT_SERVING');
  }

  private async update(): Promise<void> {
    const serving = await this.dependencies.check().then(
      () => true,
      () => false,
    );
    this.set(serving ? 'SERVING' : 'NOT_SERVING');
  }

  private set(status: 'SERVING' | 'NOT_SERVING'): void {
    for (const name of this.names) this.implementation.setStatus(name, status);
  }
}
