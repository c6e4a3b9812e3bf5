import { type Order as OrderMessage, OrderStatus } from '@rookery/contracts/order/v1';
import { fromNanos } from './money.js';
import type { Order } from './order.entity.js';

/** A stored order as callers see it. */
export function toMessage(order: Order): OrderMessage {
  const { id, userId, status, items, currency, totalNanos, createTime, updateTime } = order;
  return {
    id,
    userId,
    status: OrderStatus[status],
    items: items.map(({ sku, quantity, unitPriceNanos }) => ({
      sku,
      quantity,
      unitPrice: fromNanos(currency, BigInt(unitPriceNanos)),
    })),
    total: fromNanos(currency, BigInt(totalNanos)),
    createTime,
    updateTime,
  };
}
