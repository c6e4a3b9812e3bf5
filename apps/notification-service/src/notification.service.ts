import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { ChangeFeed, type Page, type PageRequest, keysetPage, newId } from '@rookery/database';
import { type EntityManager, MoreThanOrEqual, Repository } from 'typeorm';
import { Notification } from './notification.entity.js';

/** Where replicas tell each other whose notifications changed. */
const CHANGES = 'notification_created';

/** A transaction that began earlier can commit later, by less than this many milliseconds. */
const LATE_COMMIT = 60_000;

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
    const query = this.notifications
      .createQueryBuilder('notification')
      .where('notification.userId = :userId', { userId });
    return keysetPage(query, page, { order: 'DESC', scope: userId });
  }

  /** The user's notifications, the oldest first, then each new one; ends when the caller leaves. */
  async *stream(userId: string): AsyncIterable<Notification> {
    let since = new Date(0);
    let sent = new Set<string>();
    for await (const _ of this.changes.watch(CHANGES, userId)) {
      // What was sent in the last minute is read again, in case something older has been committed meanwhile.
      const where = { userId, createTime: MoreThanOrEqual(since) };
      const recent = await this.notifications.find({ where, order: { createTime: 'ASC', id: 'ASC' } });
      for (const notification of recent) if (!sent.has(notification.id)) yield notification;
      const newest = recent.at(-1)?.createTime;
      if (newest) since = new Date(newest.getTime() - LATE_COMMIT);
      sent = new Set(recent.filter(({ createTime }) => createTime >= since).map(({ id }) => id));
    }
  }
}
