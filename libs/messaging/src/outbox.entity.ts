import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';

/** An event that waits to be published. */
@Entity({ name: 'outbox' })
export class OutboxMessage {
  /** The order in which events were added; not of their commits, so never a cursor. A bigint, as text. */
  @PrimaryGeneratedColumn({ type: 'bigint', name: 'position', primaryKeyConstraintName: 'outbox_pkey' })
  readonly position!: string;

  @Column({ type: 'uuid' })
  readonly id!: string;

  @Column({ type: 'text' })
  readonly type!: string;

  @Column({ type: 'text', nullable: true })
  readonly key!: string | null;

  @Column({ type: 'jsonb' })
  readonly headers!: Record<string, string>;

  @Column({ type: 'bytea' })
  readonly payload!: Buffer;

  @Column({ type: 'timestamptz', name: 'created_at', default: () => 'now()' })
  readonly createdAt!: Date;
}
