import type { MigrationInterface, QueryRunner } from 'typeorm';

/** A constant default first, so that no row is rewritten: what was there before counts as older than everything. */
export class RecordInsertingTransactions1700000000310 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE notifications ADD inserted_by xid8 NOT NULL DEFAULT '0'`);
    await runner.query('ALTER TABLE notifications ALTER inserted_by SET DEFAULT pg_current_xact_id()');
    await runner.query('CREATE INDEX notifications_by_transaction ON notifications (user_id, inserted_by)');
    // Until the server knows how few rows are new, it would look for them in the user's whole history.
    await runner.query('ANALYZE notifications');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE notifications DROP COLUMN inserted_by');
  }
}
