import { Column, CreateDateColumn, Entity, PrimaryColumn } from 'typeorm';

/** The column `inserted_by` (xid8, which TypeORM does not know) has the row's transaction, for streams. */
@Entity('notifications')
export class Notification {
  @PrimaryColumn('uuid')
  id!: string;

  @Column('uuid', { name: 'user_id' })
  userId!: string;

  /** The type of the event that caused it. */
  @Column('text', { name: 'event_type' })
  eventType!: string;

  /** The id of what the event is about. */
  @Column('text', { name: 'resource_id' })
  resourceId!: string;

  @Column('text')
  text!: string;

  @CreateDateColumn({ name: 'create_time', type: 'timestamptz', precision: 3 })
  createTime!: Date;
}
