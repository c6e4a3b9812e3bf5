import { Column, Entity, PrimaryColumn } from 'typeorm';

/** What is known of a method with `@Every` or `@Cron`. Jobs that no longer exist in the code keep their row. */
@Entity({ name: 'recurring_jobs' })
export class RecurringJob {
  @PrimaryColumn({ type: 'text', primaryKeyConstraintName: 'recurring_jobs_pkey' })
  readonly name!: string;

  @Column({ type: 'text' })
  readonly schedule!: string;

  /** When it is run next; in the past, it is run as soon as somebody can. Setting it to now() runs the job. */
  @Column({ type: 'timestamptz', name: 'next_run' })
  readonly nextRun!: Date;

  /** When the last run that succeeded began. */
  @Column({ type: 'timestamptz', name: 'last_run', nullable: true })
  readonly lastRun!: Date | null;

  /** Runs that failed since then. */
  @Column({ type: 'integer', default: 0 })
  readonly failures!: number;
}
