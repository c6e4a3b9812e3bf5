import { Payload } from '@nestjs/microservices';
import { CacheAside, CacheEvict } from '@rookery/cache';
import {
  type GetOrderRequest,
  type ListOrdersResponse,
  type Order,
  type OrderServiceController,
  OrderServiceDefinition,
} from '@rookery/contracts/order/v1';
import { GrpcController } from '@rookery/grpc';
import {
  CancelOrderDto,
  ConfirmOrderDto,
  CreateOrderDto,
  GetOrderDto,
  ListOrdersDto,
  WatchOrderDto,
} from './order.dto.js';
import { toMessage } from './order.message.js';
import { OrderService } from './order.service.js';

const tags = ({ id }: { id: string }) => [`order:${id}`];

@GrpcController(OrderServiceDefinition)
export class OrderController implements OrderServiceController {
  constructor(private readonly orders: OrderService) {}

  async createOrder(@Payload() request: CreateOrderDto): Promise<Order> {
    return toMessage(await this.orders.create(request));
  }

  @CacheAside<GetOrderRequest>({ key: ({ id }) => `order:${id}`, ttl: '5m', tags })
  async getOrder(@Payload() request: GetOrderDto): Promise<Order> {
    return toMessage(await this.orders.get(request.id));
  }

  async listOrders(@Payload() request: ListOrdersDto): Promise<ListOrdersResponse> {
    const { items, nextPageToken } = await this.orders.list(request.userId, request);
    return { orders: items.map(toMessage), nextPageToken };
  }

  @CacheEvict<GetOrderRequest>({ tags })
  async confirmOrder(@Payload() request: ConfirmOrderDto): Promise<Order> {
    return toMessage(await this.orders.confirm(request.id));
  }

  @CacheEvict<GetOrderRequest>({ tags })
  async cancelOrder(@Payload() request: CancelOrderDto): Promise<Order> {
    return toMessage(await this.orders.cancel(request.id));
  }

  async *watchOrder(@Payload() request: WatchOrderDto): AsyncIterable<Order> {
    for await (const order of this.orders.watch(request.id)) yield toMessage(order);
  }
}
