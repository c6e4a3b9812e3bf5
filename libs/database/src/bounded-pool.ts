import pg from 'pg';

type Release = (destroy?: Error | boolean) => void;
type OnConnect = (error: Error | undefined, client: pg.PoolClient | undefined, release: Release) => void;

/**
 * A pg pool that also bounds the connections it keeps while nobody uses them, which pg-pool cannot: a connection given
 * back beyond `maxIdle` is closed, unless somebody is waiting for it. Idle connections are backends that cost the
 * server memory, and they multiply by replicas.
 */
export class BoundedPool extends pg.Pool {
  private readonly maxIdle: number;

  constructor({ maxIdle, ...options }: pg.PoolConfig & { maxIdle: number }) {
    super(options);
    this.maxIdle = maxIdle;
  }

  override connect(): Promise<pg.PoolClient>;
  override connect(callback: OnConnect): void;
  override connect(callback?: OnConnect): Promise<pg.PoolClient> | void {
    if (callback) {
      return super.connect((error, client, release) => callback(error, client, this.bounded(release)));
    }
    return super.connect().then((client) => {
      client.release = this.bounded(client.release.bind(client));
      return client;
    });
  }

  private bounded(release: Release): Release {
    return (destroy) => release(destroy || (this.waitingCount === 0 && this.idleCount >= this.maxIdle));
  }
}
