import { Module } from '@nestjs/common';
import { ItemController } from './item.controller.js';
import { serveRookery } from './serve-rookery.js';

@Module({ controllers: [ItemController] })
class BareModule {}

await serveRookery(BareModule);
