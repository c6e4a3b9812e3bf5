import type { TestingModule } from '@nestjs/testing';
import { NatsServer } from './nats-server.fixture.js';
import { Scenario, type ServiceOptions } from './scenario.fixture.js';
import { type Hook, effectController } from './services.fixture.js';

/** A scenario whose services meet on a NATS server of its own. */
export class NatsScenario extends Scenario {
  private constructor(readonly server: NatsServer) {
    super();
  }

  /** The server does not run yet. */
  static async prepare(): Promise<NatsScenario> {
    return new NatsScenario(await NatsServer.prepare());
  }

  static async start(): Promise<NatsScenario> {
    const scenario = await NatsScenario.prepare();
    scenario.server.start();
    return scenario;
  }

  /** With a database of its own unless another is named. */
  override async service({
    databaseUrl,
    natsUrl = this.server.url,
    ...options
  }: Omit<ServiceOptions, 'databaseUrl' | 'natsUrl'> & Partial<ServiceOptions>): Promise<TestingModule> {
    return super.service({ databaseUrl: databaseUrl ?? (await this.database()), natsUrl, ...options });
  }

  /** A service that publishes orders and one that handles them. @param hook what the handler does besides its effect */
  async shopAndMail(hook?: Hook, env?: Record<string, string>): Promise<{ shop: TestingModule; mail: TestingModule }> {
    const shop = await this.service({ name: 'shop-service' });
    return { shop, mail: await this.service({ name: 'mail-service', controllers: [effectController(hook)], env }) };
  }

  override async close(): Promise<void> {
    await super.close();
    await this.server.remove();
  }
}
