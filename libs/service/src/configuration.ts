import { type DynamicModule, Module } from '@nestjs/common';
import { type ConfigClass, Environment, loadConfig } from '@rookery/config';

/** The configuration of one application: an instance of each class, injectable by its class. */
export class Configuration {
  private readonly instances: ReadonlyMap<ConfigClass, object>;

  /** @throws {ConfigError} with all the problems of all the classes */
  constructor(
    classes: readonly ConfigClass[],
    readonly environment: Environment,
  ) {
    const instances = loadConfig(classes, environment);
    this.instances = new Map(classes.map((type, index) => [type, instances[index]!]));
  }

  get<T extends object>(type: ConfigClass<T>): T {
    return this.instances.get(type) as T;
  }

  has(type: ConfigClass): boolean {
    return this.instances.has(type);
  }

  /** The same classes read from the environment with some variables set otherwise. */
  with(overrides: Readonly<Record<string, string>>): Configuration {
    return new Configuration([...this.instances.keys()], this.environment.with(overrides));
  }

  asModule(): DynamicModule {
    const providers = [...this.instances].map(([provide, useValue]) => ({ provide, useValue }));
    return {
      module: ConfigurationModule,
      global: true,
      providers: [{ provide: Environment, useValue: this.environment }, ...providers],
      exports: [Environment, ...this.instances.keys()],
    };
  }
}

@Module({})
class ConfigurationModule {}
