import type { MigrationInterface, QueryRunner } from 'typeorm';

export class CreateNotifications1700000000300 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE notifications (
        id uuid PRIMARY KEY,
        user_id uuid NOT NULL,
        event_type text NOT NULL,
        resource_id text NOT NULL,
        text text NOT NULL,
        create_time timestamptz(3) NOT NULL DEFAULT now()
      )`);
    await runner.query('CREATE INDEX notifications_by_user ON notifications (user_id, id)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE notifications');
  }
}
