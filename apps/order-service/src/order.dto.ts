import type { Money } from '@rookery/contracts/google/type';
import type {
  CancelOrderRequest,
  ConfirmOrderRequest,
  CreateOrderRequest,
  GetOrderRequest,
  ListOrdersRequest,
  OrderItem,
  WatchOrderRequest,
} from '@rookery/contracts/order/v1';
import { IsId } from '@rookery/grpc';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  IsDefined,
  IsInt,
  Length,
  Matches,
  Max,
  Min,
  Validate,
  ValidateIf,
  ValidateNested,
  ValidatorConstraint,
  type ValidatorConstraintInterface,
} from 'class-validator';

/** Beyond any price, and 100 items of a million each stay within the int64 of google.type.Money. */
const MAX_UNITS = 10_000_000_000n;

/** class-validator's @Min knows no bigint. */
@ValidatorConstraint({ name: 'units' })
class IsPriceUnits implements ValidatorConstraintInterface {
  validate(units: unknown): boolean {
    return typeof units === 'bigint' && units >= 0n && units <= MAX_UNITS;
  }
  defaultMessage(): string {
    return `units must be from 0 to ${MAX_UNITS}`;
  }
}

/** A price: not negative. */
export class PriceDto implements Money {
  @Matches(/^[A-Z]{3}$/, { message: 'currencyCode must be an ISO 4217 code such as EUR' })
  currencyCode!: string;

  @Validate(IsPriceUnits)
  units!: bigint;

  @IsInt()
  @Min(0)
  @Max(999_999_999)
  nanos!: number;
}

export class OrderItemDto implements OrderItem {
  @Length(1, 100)
  sku!: string;

  @IsInt()
  @Min(1)
  @Max(1_000_000)
  quantity!: number;

  @IsDefined()
  @ValidateNested()
  @Type(() => PriceDto)
  unitPrice!: PriceDto;
}

export class CreateOrderDto implements CreateOrderRequest {
  @IsId()
  userId!: string;

  @ArrayMinSize(1)
  @ArrayMaxSize(100)
  @ValidateNested({ each: true })
  @Type(() => OrderItemDto)
  items!: OrderItemDto[];

  @ValidateIf(({ requestId }: CreateOrderRequest) => requestId !== '')
  @IsId()
  requestId!: string;
}

export class GetOrderDto implements GetOrderRequest {
  @IsId()
  id!: string;
}

export class ListOrdersDto implements ListOrdersRequest {
  @IsId()
  userId!: string;

  pageSize!: number;
  pageToken!: string;
}

export class ConfirmOrderDto implements ConfirmOrderRequest {
  @IsId()
  id!: string;
}

export class CancelOrderDto implements CancelOrderRequest {
  @IsId()
  id!: string;
}

export class WatchOrderDto implements WatchOrderRequest {
  @IsId()
  id!: string;
}
