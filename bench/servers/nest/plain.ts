import { Module } from '@nestjs/common';
import { ItemController } from './item.controller.js';
import { serveNest } from './serve-nest.js';

@Module({ controllers: [ItemController] })
class PlainModule {}

await serveNest(PlainModule);
