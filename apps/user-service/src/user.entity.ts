import { Column, CreateDateColumn, Entity, PrimaryColumn, UpdateDateColumn } from 'typeorm';

@Entity('users')
export class User {
  @PrimaryColumn('uuid')
  id!: string;

  /** As it was given; unique without regard to case (index USER_EMAIL_TAKEN). */
  @Column('text')
  email!: string;

  @Column('text')
  name!: string;

  @CreateDateColumn({ name: 'create_time', type: 'timestamptz', precision: 3 })
  createTime!: Date;

  @UpdateDateColumn({ name: 'update_time', type: 'timestamptz', precision: 3 })
  updateTime!: Date;
}
