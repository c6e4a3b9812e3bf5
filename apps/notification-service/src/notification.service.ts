import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { ChangeFeed, type Page, type PageRequest, keysetPage, newId } from '@rookery/database';
import { type EntityManager, Repository, type SelectQueryBuilder } from 'typeorm';
import { Notification } from './notification.entity.js';

/** Where replicas tell each other whose notifications changed. */
const CHANGES = 'notification_created';

const STREAM_PAGE = 500;

/**
 * What was committed between two snapshots of the database, however late: an id or a time would only tell when a row was
 * made. https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-PG-SNAPSHOT
 */
const NEW = `notification.inserted_by >= pg_snapshot_xmin(CAST(:since AS pg_snapshot))
  AND NOT pg_visible_in_snapshot(notification.inserted_by, CAST(:since AS pg_snapshot))
  AND pg_visible_in_snapshot(notification.inserted_by, CAST(:until AS pg_snapshot))`;

/** All before a snapshot. Rows of a transaction yet to come are those of another server, of which this is a restored copy. */
const KNOWN = `(pg_visible_in_snapshot(notification.inserted_by, CAST(:until AS pg_snapshot))
  OR notification.inserted_by >= pg_snapshot_xmax(pg_current_snapshot()))`;

@Injectable()
export class NotificationService {
  constructor(
    @InjectRepository(Notification) private readonly notifications: Repository<Notification>,
    private readonly changes: ChangeFeed,
  ) {}

  /** Stores a notification with the transaction `tx`. */
  async notify(tx: EntityManager, draft: Omit<Notification, 'id' | 'createTime'>): Promise<void> {
    await tx.insert(Notification, { ...draft, id: newId() });
    await this.changes.announce(tx, CHANGES, draft.userId);
  }

  list(userId: string, page: PageRequest): Promise<Page<Notification>> {
    return keysetPage(this.of(userId), page, { order: 'DESC', scope: userId });
  }

  /** The user's notifications, the oldest first, then each new one; ends when the caller leaves. */
  async *stream(userId: string): AsyncIterable<Notification> {
    let since: string | undefined;
    for await (const _ of this.changes.watch(CHANGES, userId)) {
      const [now] = await this.notifications.query<{ until: string }[]>('SELECT pg_current_snapshot()::text AS until');
      const { until } = now!;
      let pageToken = '';
      do {
        const query = this.of(userId).andWhere(since ? NEW : KNOWN, { since, until });
        const page = await keysetPage(query, { pageSize: STREAM_PAGE, pageToken });
        yield* page.items;
        pageToken = page.nextPageToken;
      } while (pageToken !== '');
      since = until;
    }
  }

  private of(userId: string): SelectQueryBuilder<Notification> {
    return this.notifications.createQueryBuilder('notification').where('notification.userId = :userId', { userId });
  }
}
