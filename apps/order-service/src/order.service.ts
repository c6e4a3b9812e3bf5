import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { AsideCache } from '@rookery/cache';
import type { Money } from '@rookery/contracts/google/type';
import { CancelStaleOrder, OrderCancelled, OrderConfirmed, OrderCreated } from '@rookery/contracts/order/v1';
import { ChangeFeed, type Page, type PageRequest, Transactions, keysetPage, newId } from '@rookery/database';
import { AlreadyExists, FailedPrecondition, InvalidArgument, NotFound } from '@rookery/errors';
import { Outbox } from '@rookery/messaging';
import { type EntityManager, Repository } from 'typeorm';
import { fromNanos, toNanos } from './money.js';
import { OrderConfig } from './order.config.js';
import { Order, type OrderState, type StoredItem } from './order.entity.js';
import { UserDirectory } from './user-directory.js';

/** Where replicas tell each other which order changed. */
const CHANGES = 'order_changed';

export interface CreateOrder {
  userId: string;
  items: { sku: string; quantity: number; unitPrice: Money }[];
  /** Empty, or the same in each try of the same order. */
  requestId: string;
}

@Injectable()
export class OrderService {
  constructor(
    @InjectRepository(Order) private readonly orders: Repository<Order>,
    private readonly users: UserDirectory,
    private readonly transactions: Transactions,
    private readonly outbox: Outbox,
    private readonly changes: ChangeFeed,
    private readonly cache: AsideCache,
    private readonly config: OrderConfig,
  ) {}

  /**
   * Creates an order once for each request id.
   * @throws {FailedPrecondition} USER_NOT_FOUND @throws {AlreadyExists} REQUEST_ID_REUSED, for another content
   */
  async create(input: CreateOrder): Promise<Order> {
    const draft = draftOf(input);
    const earlier = await this.earlier(draft);
    if (earlier) return earlier;
    await this.users.mustExist(input.userId);
    try {
      return await this.insert(draft);
    } catch (error) {
      // Another try of the same request was quicker.
      const winner = error instanceof AlreadyExists ? await this.earlier(draft) : undefined;
      if (winner) return winner;
      throw error;
    }
  }

  /** @throws {NotFound} ORDER_NOT_FOUND */
  async get(id: string): Promise<Order> {
    return (await this.orders.findOneBy({ id })) ?? refuse(id);
  }

  list(userId: string, page: PageRequest): Promise<Page<Order>> {
    const query = this.orders.createQueryBuilder('order').where('order.userId = :userId', { userId });
    return keysetPage(query, page, { order: 'DESC', scope: userId });
  }

  /** @throws {NotFound} ORDER_NOT_FOUND @throws {FailedPrecondition} ORDER_NOT_PENDING */
  confirm(id: string): Promise<Order> {
    return this.transactions.run(async (tx) => {
      const order = await this.lock(tx, id);
      if (order.status === 'CONFIRMED') return order;
      const { userId, updateTime: confirmTime } = await this.finish(tx, pending(order), 'CONFIRMED');
      await this.outbox.add(tx, OrderConfirmed, { id, userId, confirmTime }, { key: id });
      return order;
    });
  }

  /** @throws {NotFound} ORDER_NOT_FOUND @throws {FailedPrecondition} ORDER_NOT_PENDING */
  cancel(id: string): Promise<Order> {
    return this.transactions.run(async (tx) => {
      const order = await this.lock(tx, id);
      if (order.status === 'CANCELLED') return order;
      return this.cancelPending(tx, pending(order));
    });
  }

  /** Cancels the order in the transaction `tx`, unless somebody has confirmed or cancelled it meanwhile. */
  async cancelStale(tx: EntityManager, id: string): Promise<void> {
    const order = await this.lock(tx, id);
    if (order.status !== 'PENDING') return;
    await this.cancelPending(tx, order);
    // No RPC of ours that would do it.
    this.transactions.afterCommit(tx, () => this.cache.invalidate([`order:${id}`]));
  }

  /** The order now, then after each change, until it is final. @throws {NotFound} ORDER_NOT_FOUND */
  async *watch(id: string): AsyncIterable<Order> {
    let seen: OrderState | undefined;
    for await (const _ of this.changes.watch(CHANGES, id)) {
      const order = await this.get(id);
      if (order.status === seen) continue;
      seen = order.status;
      yield order;
      if (order.status !== 'PENDING') return;
    }
  }

  private insert(draft: Partial<Order>): Promise<Order> {
    return this.transactions.run(async (tx) => {
      const order = tx.create(Order, { ...draft, id: newId(), status: 'PENDING' });
      await tx.insert(Order, order);
      const { id, userId, createTime } = order;
      const total = fromNanos(order.currency, BigInt(order.totalNanos));
      await this.outbox.add(tx, OrderCreated, { id, userId, total, createTime }, { key: id });
      const delay = this.config.pendingTimeout;
      if (delay > 0) await this.outbox.add(tx, CancelStaleOrder, { id }, { key: id, delay });
      return order;
    });
  }

  /** The order that an earlier try of the same request made. */
  private async earlier({ requestId, requestHash }: Partial<Order>): Promise<Order | undefined> {
    if (!requestId) return undefined;
    const order = await this.orders.findOneBy({ requestId });
    if (!order) return undefined;
    if (order.requestHash === requestHash) return order;
    throw new AlreadyExists(`request_id ${requestId} was used for another order`, { reason: 'REQUEST_ID_REUSED' });
  }

  private async lock(tx: EntityManager, id: string): Promise<Order> {
    return (await tx.findOne(Order, { where: { id }, lock: { mode: 'pessimistic_write' } })) ?? refuse(id);
  }

  private async cancelPending(tx: EntityManager, order: Order): Promise<Order> {
    const { id, userId, updateTime: cancelTime } = await this.finish(tx, order, 'CANCELLED');
    await this.outbox.add(tx, OrderCancelled, { id, userId, cancelTime }, { key: id });
    return order;
  }

  /** Moves a PENDING order, which is locked, to a final state. Nobody needs to be reminded of it any more. */
  private async finish(tx: EntityManager, order: Order, status: OrderState): Promise<Order> {
    order.status = status;
    // Sets `updateTime` of `order`, too. (`save` would read the row again.)
    await tx.createQueryBuilder().update(Order, { status }).whereEntity(order).execute();
    await this.outbox.cancel(tx, CancelStaleOrder, order.id);
    await this.changes.announce(tx, CHANGES, order.id);
    return order;
  }
}

/** @throws {FailedPrecondition} ORDER_NOT_PENDING */
function pending(order: Order): Order {
  const { id, status } = order;
  if (status === 'PENDING') return order;
  throw new FailedPrecondition(`order ${id} is ${status}`, {
    reason: 'ORDER_NOT_PENDING',
    metadata: { id, status },
    violations: [{ type: 'STATUS', subject: `orders/${id}`, description: `is ${status}, not PENDING` }],
  });
}

/** @throws {InvalidArgument} when the items have several currencies */
function draftOf({ userId, items, requestId }: CreateOrder): Partial<Order> {
  const currency = items[0]!.unitPrice.currencyCode;
  const odd = items.findIndex(({ unitPrice }) => unitPrice.currencyCode !== currency);
  if (odd >= 0) {
    const field = `items[${odd}].unit_price.currency_code`;
    const description = `must be ${currency} like that of the first item`;
    throw new InvalidArgument(`${field} ${description}`, { violations: [{ field, description }] });
  }
  const stored = items.map(({ sku, quantity, unitPrice }): StoredItem => ({
    sku,
    quantity,
    unitPriceNanos: toNanos(unitPrice).toString(),
  }));
  const total = stored.reduce(
    (sum, { quantity, unitPriceNanos }) => sum + BigInt(quantity) * BigInt(unitPriceNanos),
    0n,
  );
  const content = JSON.stringify([userId, currency, stored.map((item) => Object.values(item))]);
  return {
    userId,
    currency,
    items: stored,
    totalNanos: total.toString(),
    requestId: requestId || null,
    requestHash: requestId ? createHash('sha256').update(content).digest('hex') : null,
  };
}

function refuse(id: string): never {
  throw new NotFound(`order ${id} does not exist`, { reason: 'ORDER_NOT_FOUND', metadata: { id } });
}
