import { type AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { type NestFastifyApplication } from '@nestjs/platform-fastify';
import { ConfigError, type Environment, loadConfig } from '@rookery/config';
import { DESCRIPTOR_SET_BASE64 } from '@rookery/contracts';
import { HealthModule, Lifecycle } from '@rookery/health';
import { LogConfig, Logger, NestLogger, ObservabilityModule, TraceConfig, createLogger } from '@rookery/observability';
import { listening, type Runnable, ShutdownConfig } from '@rookery/service';
import { ApiRegistry } from './descriptors/registry.js';
import { GatewayConfig } from './gateway.config.js';
import { GatewayModule } from './gateway.module.js';
import { upstreamTargets } from './grpc/upstream-target.js';
import { gatewayAdapter } from './http-adapter.js';

/** A gateway that is wired; it serves once it listens. */
export interface Gateway extends Runnable {
  readonly app: NestFastifyApplication;
  /** With the port it really has; empty before it listens. */
  readonly url: string;
  /** @throws {PortTaken} */
  listen(): Promise<void>;
}

/** What a gateway is made from. */
export interface CreateGatewayOptions {
  environment: Environment;
  /** Default: one that writes to standard output as LOG_LEVEL and LOG_FORMAT say. */
  logger?: Logger;
  /** A google.protobuf.FileDescriptorSet; default: that of proto/. */
  descriptors?: Uint8Array;
}

/** Only joins the two modules; everything is in them. */
@Module({})
class GatewayApplication {}

/**
 * Wires a gateway.
 * @throws {ConfigError} when a variable is wrong or a service has no target
 * @throws {ContractError} when the protos ask for something that REST has no form for
 */
export async function createGateway({ environment, logger, descriptors }: CreateGatewayOptions): Promise<Gateway> {
  const api = new ApiRegistry(descriptors ?? Buffer.from(DESCRIPTOR_SET_BASE64, 'base64'));
  const [[config, log, shutdown, trace]] = allOrProblems(
    () => loadConfig([GatewayConfig, LogConfig, ShutdownConfig, TraceConfig], environment),
    () => upstreamTargets(api, environment),
  );
  const ownLogger = logger ?? createLogger(log, 'gateway');
  const application = {
    module: GatewayApplication,
    imports: [
      ObservabilityModule.register(ownLogger, { service: 'gateway', config: trace }),
      HealthModule,
      GatewayModule.register({ config, shutdown, environment, api }),
    ],
  };
  const app = await NestFactory.create<NestFastifyApplication>(application, gatewayAdapter(config), {
    // REST reads its bodies itself; no controller takes one.
    bodyParser: false,
    abortOnError: false,
    logger: new NestLogger(ownLogger),
  });
  const lifecycle = app.get(Lifecycle);
  let url = '';
  let closing: Promise<void> | undefined;
  const close = async () => {
    const wasReady = lifecycle.state === 'ready';
    lifecycle.advance('draining');
    if (wasReady && shutdown.drain > 0) await sleep(shutdown.drain);
    await app.close();
    lifecycle.advance('stopped');
  };
  return {
    app,
    get url() {
      return url;
    },
    listen: async () => {
      await listening('gateway', 'REST', config.port, 'HTTP_PORT', () => app.listen(config.port, config.host));
      const { address, port, family } = app.getHttpServer().address() as AddressInfo;
      url = `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
      lifecycle.advance('ready');
      ownLogger.info({ url }, 'ready');
    },
    close: () => {
      closing ??= close();
      return closing;
    },
    forceClose: () => app.getHttpServer().closeAllConnections(),
  };
}

/** Both results, or one ConfigError with the problems of both. */
function allOrProblems<A, B>(first: () => A, second: () => B): [A, B] {
  const problems: ConfigError['problems'][number][] = [];
  const attempt = <T>(read: () => T): T | undefined => {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      problems.push(...error.problems);
      return undefined;
    }
  };
  const results = [attempt(first), attempt(second)];
  if (problems.length > 0) throw new ConfigError(problems);
  return results as [A, B];
}
