import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { UserCreated } from '@rookery/contracts/user/v1';
import { type Page, type PageRequest, Transactions, keysetPage, newId } from '@rookery/database';
import { InvalidArgument, NotFound } from '@rookery/errors';
import { Outbox } from '@rookery/messaging';
import { Repository } from 'typeorm';
import { User } from './user.entity.js';

const STREAM_PAGE = 500;

@Injectable()
export class UserService {
  constructor(
    @InjectRepository(User) private readonly users: Repository<User>,
    private readonly transactions: Transactions,
    private readonly outbox: Outbox,
  ) {}

  /** @throws {AlreadyExists} USER_EMAIL_TAKEN */
  create({ email, name }: { email: string; name: string }): Promise<User> {
    return this.transactions.run(async (tx) => {
      const user = tx.create(User, { id: newId(), email, name });
      await tx.insert(User, user);
      await this.outbox.add(tx, UserCreated, user, { key: user.id });
      return user;
    });
  }

  /** @throws {NotFound} USER_NOT_FOUND */
  async get(id: string): Promise<User> {
    return (await this.users.findOneBy({ id })) ?? refuse(id);
  }

  /** @throws {NotFound} USER_NOT_FOUND @throws {AlreadyExists} USER_EMAIL_TAKEN */
  async update(id: string, changes: { email?: string; name?: string }): Promise<User> {
    for (const [field, value] of Object.entries(changes)) {
      if (value === '') throw new InvalidArgument(`${field} must not be empty`, { violations: [empty(field)] });
    }
    if (Object.keys(changes).length === 0) return this.get(id);
    return this.transactions.run(async (tx) => {
      const user = tx.create(User, { id });
      // Fills `user` with the row as it is now.
      const update = tx.createQueryBuilder().update(User, changes).whereEntity(user).returning('*');
      return (await update.execute()).affected ? user : refuse(id);
    });
  }

  /** @throws {NotFound} USER_NOT_FOUND */
  async delete(id: string): Promise<void> {
    const { affected } = await this.users.delete({ id });
    if (!affected) refuse(id);
  }

  list(page: PageRequest): Promise<Page<User>> {
    return keysetPage(this.users.createQueryBuilder('user'), page);
  }

  /** Every user whose creation was committed before the first is asked for, and perhaps some that came later. */
  async *stream(): AsyncIterable<User> {
    let pageToken = '';
    do {
      const page = await this.list({ pageSize: STREAM_PAGE, pageToken });
      yield* page.items;
      pageToken = page.nextPageToken;
    } while (pageToken !== '');
  }
}

function refuse(id: string): never {
  throw new NotFound(`user ${id} does not exist`, { reason: 'USER_NOT_FOUND', metadata: { id } });
}

function empty(field: string): { field: string; description: string } {
  return { field: `user.${field}`, description: 'must not be empty' };
}
