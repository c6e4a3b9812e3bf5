import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** An event that is added to the outbox when its time has come. */
@Entity({ name: 'outbox_delayed' })
export class DelayedEvent {
  @PrimaryColumn({ type: 'timestamptz', name: 'due_at', primaryKeyConstraintName: 'outbox_delayed_pkey' })
  readonly dueAt!: Date;

  /** The event's id. */
  @PrimaryColumn({ type: 'uuid', primaryKeyConstraintName: 'outbox_delayed_pkey' })
  readonly id!: string;

  @Column({ type: 'text' })
  readonly type!: string;

  @Index('outbox_delayed_key_idx')
  @Column({ type: 'text', nullable: true })
  readonly key!: string | null;

  @Column({ type: 'jsonb' })
  readonly headers!: Record<string, string>;

  @Column({ type: 'bytea' })
  readonly payload!: Buffer;
}
