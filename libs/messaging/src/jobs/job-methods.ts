import { Injectable } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import { durationToMs } from '@rookery/config';
import { decoratedMethods } from '../decorated-methods.js';
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
  constructor(private readonly discovery: DiscoveryService) {}

  /** @throws when two jobs have one name, or a job's class has no single instance */
  find(): JobMethod[] {
    const jobs = new Map<string, JobMethod>();
    for (const method of decoratedMethods(this.discovery, jobDeclarationOf, 'has recurring jobs')) {
      const { name = method.name, schedule, timeout } = method.declaration;
      if (jobs.has(name)) throw new Error(`two recurring jobs are named ${name}; name one of them otherwise`);
      const call = method.call as () => Promise<void>;
      jobs.set(name, {
        name,
        schedule,
        timeout: timeout === undefined ? undefined : durationToMs(timeout),
        run: async () => call(),
      });
    }
    return [...jobs.values()];
  }
}
