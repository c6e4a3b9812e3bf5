import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Delayed events, recurring jobs, and an outbox for many events a second: every row of it is deleted soon, so it is
 * vacuumed after a number of deletions, not after a share of the rows, and without pauses.
 */
export class RelayAndJobs1700000000002 implements MigrationInterface {
  readonly name = 'RelayAndJobs1700000000002';

  async up(runner: QueryRunner): Promise<void> {
    // Nothing looks events up by their id: an index that each event would pay for twice.
    await runner.query('ALTER TABLE "outbox" DROP CONSTRAINT "outbox_id_key"');
    await runner.query(`ALTER TABLE "outbox" SET (${STORAGE}, ${STORAGE.replaceAll('auto', 'toast.auto')})`);
    await runner.query(`
      CREATE TABLE "outbox_delayed" (
        "due_at" timestamptz NOT NULL,
        "id" uuid NOT NULL,
        "type" text NOT NULL,
        "key" text,
        "headers" jsonb NOT NULL,
        "payload" bytea NOT NULL,
        CONSTRAINT "outbox_delayed_pkey" PRIMARY KEY ("due_at", "id")
      ) WITH (${STORAGE}, ${STORAGE.replaceAll('auto', 'toast.auto')})`);
    await runner.query('CREATE INDEX "outbox_delayed_key_idx" ON "outbox_delayed" ("key")');
    await runner.query(`
      CREATE TABLE "recurring_jobs" (
        "name" text CONSTRAINT "recurring_jobs_pkey" PRIMARY KEY,
        "schedule" text NOT NULL,
        "next_run" timestamptz NOT NULL,
        "last_run" timestamptz,
        "failures" integer NOT NULL DEFAULT 0
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE "recurring_jobs"');
    await runner.query('DROP TABLE "outbox_delayed"');
    const names = STORAGE.replaceAll(/ = \d+/g, '');
    await runner.query(`ALTER TABLE "outbox" RESET (${names}, ${names.replaceAll('auto', 'toast.auto')})`);
    await runner.query('ALTER TABLE "outbox" ADD CONSTRAINT "outbox_id_key" UNIQUE ("id")');
  }
}

const STORAGE = [
  'autovacuum_vacuum_scale_factor = 0',
  'autovacuum_vacuum_threshold = 2000',
  'autovacuum_vacuum_cost_delay = 0',
].join(', ');
