import { InjectRepository } from '@nestjs/typeorm';
import { Injectable } from '@nestjs/common';
import { NotFound } from '@rookery/errors';
import { Repository } from 'typeorm';
import type { Item as ItemMessage } from '../../generated/rookery/bench/v1/bench.js';
import { Item, toMessage } from './item.entity.js';

/** Items of the database, as a service of the workspace reads them. */
@Injectable()
export class StoredItems {
  constructor(@InjectRepository(Item) private readonly items: Repository<Item>) {}

  async get(id: string): Promise<ItemMessage> {
    const item = await this.items.findOneBy({ id });
    if (!item) throw new NotFound(`item ${id} does not exist`, { reason: 'ITEM_NOT_FOUND' });
    return toMessage(item);
  }
}
