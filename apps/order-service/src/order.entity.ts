import { Column, CreateDateColumn, Entity, PrimaryColumn, UpdateDateColumn } from 'typeorm';

export type OrderState = 'PENDING' | 'CONFIRMED' | 'CANCELLED';

/** One thing of an order. Amounts are billionths of the currency's unit, as decimal text: JSON has no bigint. */
export interface StoredItem {
  sku: string;
  quantity: number;
  unitPriceNanos: string;
}

@Entity('orders')
export class Order {
  @PrimaryColumn('uuid')
  id!: string;

  @Column('uuid', { name: 'user_id' })
  userId!: string;

  @Column('text')
  status!: OrderState;

  /** Written once, with the order. */
  @Column('jsonb')
  items!: StoredItem[];

  /** ISO 4217, of the total and of every item. */
  @Column('text')
  currency!: string;

  /** The sum of the items, in billionths of the unit. */
  @Column('numeric', { name: 'total_nanos', precision: 38, scale: 0 })
  totalNanos!: string;

  /** The caller's id for this order, when it gave one; unique. */
  @Column('uuid', { name: 'request_id', nullable: true })
  requestId!: string | null;

  /** What was asked for under that id: the same again is the same order, anything else is refused. */
  @Column('text', { name: 'request_hash', nullable: true })
  requestHash!: string | null;

  @CreateDateColumn({ name: 'create_time', type: 'timestamptz', precision: 3 })
  createTime!: Date;

  @UpdateDateColumn({ name: 'update_time', type: 'timestamptz', precision: 3 })
  updateTime!: Date;
}
