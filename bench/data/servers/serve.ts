import type { Type } from '@nestjs/common';
import { type RunningService, createService } from '@rookery/service';
import { announce } from '../../servers/announce.mjs';

/** Does what the process that measures us asks for, by the name of the task. */
export type Tasks = Record<string, (options: Record<string, number | boolean>) => Promise<unknown>>;

/** Runs a service and tells the process that measures us where it listens. */
export async function serve(module: Type, tasksOf: (service: RunningService) => Tasks = () => ({})): Promise<void> {
  const service = await createService(module);
  await service.listen();
  const tasks = tasksOf(service);
  process.on('message', (question: string | ({ task: string } & Record<string, number | boolean>)) => {
    if (typeof question === 'string') return; // `announce` answers
    tasks[question.task]!(question).then(
      (result) => process.send?.({ result }),
      (error: unknown) => {
        console.error(error);
        process.exit(1);
      },
    );
  });
  announce(service.ports.grpc);
}
