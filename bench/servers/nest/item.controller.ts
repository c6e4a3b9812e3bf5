import { Controller } from '@nestjs/common';
import { GrpcMethod, Payload } from '@nestjs/microservices';
import { map, range } from 'rxjs';
import { protobufjsItem } from '../item.mjs';
import { GetItemDto, StreamItemsDto } from '../item.dto.js';

/** As Nest's documentation shows it. Its messages are those of proto-loader. */
@Controller()
export class ItemController {
  @GrpcMethod('BenchService')
  getItem(@Payload() { id }: GetItemDto) {
    return protobufjsItem(id);
  }

  @GrpcMethod('BenchService')
  streamItems(@Payload() { id, count }: StreamItemsDto) {
    return range(0, count).pipe(map(() => protobufjsItem(id)));
  }
}
