import { Injectable } from '@nestjs/common';
import { DiscoveryService, MetadataScanner } from '@nestjs/core';
import { durationToMs } from '@rookery/config';
import { jobDeclarationOf } from './recurring.decorators.js';
import type { Schedule } from './schedule.js';

/** A method with `@Every` or `@Cron` of an instance. */
export interface JobMethod {
  readonly name: string;
  readonly schedule: Schedule;
  /** Milliseconds, when it has a limit of its own. */
  readonly timeout: number | undefined;
  run(): Promise<void>;
}

/** Finds the recurring jobs among the application's controllers and providers. */
@Injectable()
export class JobMethods {
  constructor(
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
  ) {}

  /** @throws when two jobs have one name, or a job's class has no single instance */
  find(): JobMethod[] {
    const jobs = new Map<string, JobMethod>();
    const wrappers = [...this.discovery.getControllers(), ...this.discovery.getProviders()];
    for (const wrapper of wrappers.filter((one) => !one.isDependencyTreeStatic())) {
      const { prototype } = (wrapper.metatype ?? {}) as { prototype?: object };
      if (!prototype || this.declared(prototype).length === 0) continue;
      throw new Error(`${wrapper.name} has recurring jobs and is request-scoped; make it a singleton`);
    }
    // One instance can be provided under several tokens.
    const instances = new Set(
      wrappers.filter((one) => one.isDependencyTreeStatic()).map((one) => one.instance as unknown),
    );
    for (const instance of instances) {
      if (typeof instance !== 'object' || instance === null) continue;
      for (const job of this.declared(Object.getPrototypeOf(instance) as object | null, instance)) {
        if (jobs.has(job.name)) throw new Error(`two recurring jobs are named ${job.name}; name one of them otherwise`);
        jobs.set(job.name, job);
      }
    }
    return [...jobs.values()];
  }

  private declared(prototype: object | null, instance: object = {}): JobMethod[] {
    if (!prototype) return [];
    return this.scanner.getAllMethodNames(prototype).flatMap((method) => {
      const member = Reflect.get(prototype, method) as (() => Promise<void>) | undefined;
      const declaration = typeof member === 'function' ? jobDeclarationOf(member) : undefined;
      if (!declaration) return [];
      const { name = `${prototype.constructor.name}.${method}`, schedule, timeout } = declaration;
      const run = async () => member!.call(instance);
      return [{ name, schedule, timeout: timeout === undefined ? undefined : durationToMs(timeout), run }];
    });
  }
}
