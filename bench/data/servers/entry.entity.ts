import { Column, Entity, type MigrationInterface, PrimaryColumn, type QueryRunner } from 'typeorm';

/** What a transaction of the benchmark changes: one row. */
@Entity('entries')
export class Entry {
  @PrimaryColumn('uuid')
  id!: string;

  @Column('text')
  text!: string;
}

export class CreateEntries1700000000200 implements MigrationInterface {
  readonly name = 'CreateEntries1700000000200';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE TABLE entries (id uuid PRIMARY KEY, text text NOT NULL)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE entries');
  }
}
