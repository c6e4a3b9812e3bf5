import { createDatabase, freePort, until } from '@rookery/embedded';
import type { Servers } from '../infra/index.js';
import { Container, seenFromContainer } from './container.js';
import type { Engine } from './engine.mjs';

const START_LIMIT = 60_000;

/** The image of a service in a container, on servers of this machine, with a new database. */
export class RunningImage {
  private constructor(
    readonly container: Container,
    readonly grpcPort: number,
    readonly httpPort: number,
  ) {}

  static async start({
    engine,
    tag,
    servers,
  }: {
    engine: Engine;
    tag: string;
    servers: Servers;
  }): Promise<RunningImage> {
    const [grpcPort, httpPort] = [await freePort(), await freePort()];
    const environment = {
      DATABASE_URL: seenFromContainer(await createDatabase(servers.databaseUrl, 'image_check')),
      REDIS_URL: seenFromContainer(servers.redisUrl),
      NATS_URL: seenFromContainer(servers.natsUrl),
      GRPC_PORT: String(grpcPort),
      HTTP_PORT: String(httpPort),
    };
    const container = await Container.run({ engine, image: tag, environment, ports: [grpcPort, httpPort] });
    return new RunningImage(container, grpcPort, httpPort);
  }

  /** Waits until /health/ready answers 200. @returns how long after the start of its process, in milliseconds */
  async ready(): Promise<number> {
    let code: number | undefined;
    void this.container.ended(START_LIMIT).then(
      (value) => (code = value),
      () => {},
    );
    const explain = async (what: string) => `${what}\n${await this.container.log()}`;
    await until(
      async () => {
        if (code !== undefined) throw new Error(await explain(`It ended with exit code ${code}.`));
        const answer = await fetch(`http://127.0.0.1:${this.httpPort}/health/ready`).catch(() => undefined);
        return answer?.ok;
      },
      { within: START_LIMIT, otherwise: () => explain(`It is not ready after ${START_LIMIT} ms.`) },
    );
    return Date.now() - (await this.container.startedAt());
  }
}
