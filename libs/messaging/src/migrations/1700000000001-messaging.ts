import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The two tables every service with messaging has. */
export class CreateMessagingTables1700000000001 implements MigrationInterface {
  readonly name = 'CreateMessagingTables1700000000001';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE "outbox" (
        "position" bigserial CONSTRAINT "outbox_pkey" PRIMARY KEY,
        "id" uuid NOT NULL CONSTRAINT "outbox_id_key" UNIQUE,
        "type" text NOT NULL,
        "key" text,
        "headers" jsonb NOT NULL,
        "payload" bytea NOT NULL,
        "created_at" timestamptz NOT NULL DEFAULT now()
      )`);
    await runner.query(`
      CREATE TABLE "inbox" (
        "consumer" text NOT NULL,
        "id" uuid NOT NULL,
        "received_at" timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT "inbox_pkey" PRIMARY KEY ("consumer", "id")
      )`);
    await runner.query('CREATE INDEX "inbox_received_at_idx" ON "inbox" ("received_at")');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE "inbox"');
    await runner.query('DROP TABLE "outbox"');
  }
}
