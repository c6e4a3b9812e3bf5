import { Global, type INestMicroservice, Module, type Provider, type Type } from '@nestjs/common';
import { ClientProxy } from '@nestjs/microservices';
import { Test } from '@nestjs/testing';
import { Environment, loadConfig } from '@rookery/config';
import { GrpcModule } from '@rookery/grpc';
import { EventBus, MessageClient, MessageServer, MessagingConfig } from '@rookery/messaging';
import { Metrics, ObservabilityModule, TraceConfig } from '@rookery/observability';
import pino from 'pino';
import { vi } from 'vitest';
import { coreExports, coreProviders } from '../../../libs/messaging/src/core/core.providers.js';
import { InProcessBus } from '../../../libs/messaging/src/in-process.bus.js';
import { JetStreamBus } from '../../../libs/messaging/src/jetstream.bus.js';

export interface AppOptions {
  name?: string;
  natsUrl: string;
  controllers?: Type[];
  providers?: Provider[];
  env?: Record<string, string>;
  /** Whether to wait for NATS. */
  connected?: boolean;
}

/** An application with messages and nothing else: no database, no gRPC server. */
export class App {
  log: Record<string, unknown>[] = [];

  private constructor(
    private readonly app: INestMicroservice,
    private readonly bus: EventBus,
  ) {}

  static async start(options: AppOptions): Promise<App> {
    const { name = 'stock-service', natsUrl, controllers = [], providers = [], env = {}, connected = true } = options;
    const environment = new Environment({ NATS_URL: natsUrl, ...env });
    const [config, trace] = loadConfig([MessagingConfig, TraceConfig], environment);
    const lines: Record<string, unknown>[] = [];
    const logger = pino(
      { level: 'info', serializers: { error: pino.stdSerializers.err } },
      { write: (line: string) => lines.push(JSON.parse(line) as Record<string, unknown>) },
    );
    const url = new URL(natsUrl);
    const bus =
      url.protocol === 'memory:'
        ? new InProcessBus(url.hostname, config, logger)
        : new JetStreamBus(natsUrl, name, config, logger);

    @Global()
    @Module({
      providers: [
        { provide: MessagingConfig, useValue: config },
        { provide: EventBus, useValue: bus },
        ...coreProviders(name),
      ],
      exports: coreExports,
    })
    class Messages {}

    const module = await Test.createTestingModule({
      imports: [ObservabilityModule.register(logger, { service: name, config: trace }), GrpcModule, Messages],
      controllers,
      providers,
    }).compile();
    const nest = module.createNestMicroservice({ strategy: module.get(MessageServer) });
    const app = new App(nest, bus);
    app.log = lines;
    await nest.listen();
    if (connected) {
      await vi.waitFor(() => {
        if (!bus.state().up) throw new Error('not connected yet');
      }, 10_000);
      await nest.get(MessageServer).unwrap().flush();
    }
    return app;
  }

  get client(): MessageClient {
    return this.app.get(MessageClient);
  }

  get proxy(): ClientProxy {
    return this.app.get(ClientProxy);
  }

  get up(): boolean {
    return this.bus.state().up;
  }

  /** How many messages of `pattern` ended with `code`. */
  async handled(pattern: string, code: string): Promise<number> {
    const { values = [] } =
      (await this.app.get(Metrics).registry.getSingleMetric('message_handling_seconds')?.get()) ?? {};
    const found = values.find(
      ({ labels, ...value }) =>
        labels.pattern === pattern &&
        labels.code === code &&
        'metricName' in value &&
        String(value.metricName).endsWith('_count'),
    );
    return found?.value ?? 0;
  }

  /** As a stopping service does. */
  stopServing(): Promise<void> {
    return this.app.get(MessageServer).close();
  }

  async close(): Promise<void> {
    await this.app.close();
    await this.bus.close();
  }
}
