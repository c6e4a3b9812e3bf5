import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** An event that a consumer of this service has handled. */
@Entity({ name: 'inbox' })
export class InboxEntry {
  @PrimaryColumn({ type: 'text', primaryKeyConstraintName: 'inbox_pkey' })
  readonly consumer!: string;

  /** The event's id. */
  @PrimaryColumn({ type: 'uuid', primaryKeyConstraintName: 'inbox_pkey' })
  readonly id!: string;

  @Index('inbox_received_at_idx')
  @Column({ type: 'timestamptz', name: 'received_at', default: () => 'now()' })
  readonly receivedAt!: Date;
}
