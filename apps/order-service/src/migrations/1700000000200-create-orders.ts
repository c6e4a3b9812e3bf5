import type { MigrationInterface, QueryRunner } from 'typeorm';

export class CreateOrders1700000000200 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE orders (
        id uuid PRIMARY KEY,
        user_id uuid NOT NULL,
        status text NOT NULL CHECK (status IN ('PENDING', 'CONFIRMED', 'CANCELLED')),
        items jsonb NOT NULL,
        currency text NOT NULL,
        total_nanos numeric(38, 0) NOT NULL,
        request_id uuid,
        request_hash text,
        create_time timestamptz(3) NOT NULL DEFAULT now(),
        update_time timestamptz(3) NOT NULL DEFAULT now(),
        CONSTRAINT "REQUEST_ID_REUSED" UNIQUE (request_id)
      )`);
    await runner.query('CREATE INDEX orders_by_user ON orders (user_id, id)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE orders');
  }
}
