import { setTimeout as sleep } from 'node:timers/promises';
import { Module } from '@nestjs/common';
import { OrderCreated } from '@rookery/contracts/order/v1';
import { Transactions, newId } from '@rookery/database';
import { Outbox } from '@rookery/messaging';
import { type RunningService, ServiceModule } from '@rookery/service';
import type { EntityManager } from 'typeorm';
import { ItemController } from '../../servers/rookery/item.controller.js';
import { CreateEntries1700000000200, Entry } from './entry.entity.js';
import { monotonic } from './monotonic.js';
import { type Tasks, serve } from './serve.js';

/** Events of one transaction when only their number counts. */
const FILL = 100;

@Module({
  imports: [
    ServiceModule.register({
      name: 'bench-publisher',
      package: 'bench.v1',
      ports: { grpc: 0, http: 0 },
      database: { entities: [Entry], migrations: [CreateEntries1700000000200] },
      messaging: true,
    }),
  ],
  controllers: [ItemController],
})
class PublisherModule {}

function tasksOf({ app }: RunningService): Tasks {
  const [transactions, outbox] = [app.get(Transactions), app.get(Outbox)];
  const change = async (tx: EntityManager, id: string) => {
    await tx.insert(Entry, { id, text: 'Field notebook, A5, ruled' });
  };
  const publish = (tx: EntityManager, id: string) =>
    outbox.add(tx, OrderCreated, { id, userId: id, createTime: new Date() }, { key: id });
  const changeAndPublish = async (tx: EntityManager, id: string) => {
    await change(tx, id);
    await publish(tx, id);
  };
  const inParallel = (callers: number, work: () => Promise<void>) => Promise.all(Array.from({ length: callers }, work));

  return {
    /** Transactions one after the other by so many callers. */
    async write({ outbox, seconds, callers }) {
      const startedAt = monotonic();
      const endsAt = startedAt + Number(seconds) * 1_000;
      let done = 0;
      await inParallel(Number(callers), async () => {
        while (monotonic() < endsAt) {
          const id = newId();
          await transactions.run((tx) => (outbox ? changeAndPublish(tx, id) : change(tx, id)));
          done += 1;
        }
      });
      return { perSecond: (done / (monotonic() - startedAt)) * 1_000, transactions: done };
    },

    /** So many events, as quickly as they can be written. */
    async fill({ events, callers }) {
      let missing = Number(events);
      await inParallel(Number(callers), async () => {
        while (missing > 0) {
          const count = Math.min(FILL, missing);
          missing -= count;
          await transactions.run(async (tx) => {
            for (let added = 0; added < count; added += 1) await publish(tx, newId());
          });
        }
      });
      return {};
    },

    /**
     * Transactions at a steady rate, or at a lower one when so many callers cannot keep it.
     * @returns when each was committed, by its id; and the rate
     */
    async pace({ perSecond, seconds, callers }) {
      const commits: [string, number][] = [];
      const [startedAt, gap] = [monotonic(), 1_000 / Number(perSecond)];
      let next = 0;
      await inParallel(Number(callers), async () => {
        for (;;) {
          const due = startedAt + next++ * gap;
          if (due >= startedAt + Number(seconds) * 1_000) return;
          if (due > monotonic()) await sleep(due - monotonic());
          const id = newId();
          await transactions.run((tx) => changeAndPublish(tx, id));
          commits.push([id, monotonic()]);
        }
      });
      return { commits, perSecond: (commits.length / (monotonic() - startedAt)) * 1_000 };
    },
  };
}

await serve(PublisherModule, tasksOf);
