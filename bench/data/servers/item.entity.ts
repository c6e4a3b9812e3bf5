import type { MigrationInterface, QueryRunner } from 'typeorm';
import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { Item as ItemMessage } from '../../generated/rookery/bench/v1/bench.js';

/** The bench's reply as a row. */
@Entity('items')
export class Item {
  @PrimaryColumn('uuid')
  id!: string;

  @Column('text')
  name!: string;

  @Column('text')
  description!: string;

  @Column('int')
  quantity!: number;

  @Column('bigint', { name: 'size_bytes' })
  sizeBytes!: string;

  @Column('text')
  currency!: string;

  @Column('bigint')
  units!: string;

  @Column('int')
  nanos!: number;

  @Column('text', { array: true })
  tags!: string[];

  @Column({ type: 'timestamptz', name: 'create_time', precision: 3 })
  createTime!: Date;
}

/** A stored item as callers see it. */
export function toMessage({ sizeBytes, currency, units, nanos, ...same }: Item): ItemMessage {
  return {
    ...same,
    sizeBytes: BigInt(sizeBytes),
    price: { currencyCode: currency, units: BigInt(units), nanos },
  };
}

/** A thousand items; the first is the one that the load asks for. */
export class CreateItems1700000000100 implements MigrationInterface {
  readonly name = 'CreateItems1700000000100';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE items (
        id uuid PRIMARY KEY, name text NOT NULL, description text NOT NULL, quantity int NOT NULL,
        size_bytes bigint NOT NULL, currency text NOT NULL, units bigint NOT NULL, nanos int NOT NULL,
        tags text[] NOT NULL, create_time timestamptz(3) NOT NULL
      )`);
    await runner.query(`
      INSERT INTO items SELECT ('018f0000-0000-7000-8000-' || lpad(number::text, 12, '0'))::uuid,
        'Field notebook, A5, ruled', 'Stitched binding, 96 pages of 90 g paper.', 1250, 8589934592, 'EUR', 12, 500000000,
        '{paper,stationery,travel}', to_timestamp(1760000000.25)
      FROM generate_series(0, 999) AS number`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE items');
  }
}
