import { Module, UseFilters, UseGuards, UseInterceptors, ValidationPipe } from '@nestjs/common';
import { BlockedGuard, RangeErrorFilter, TimingInterceptor } from '../enhancers.js';
import { ItemController } from './item.controller.js';
import { serveNest } from './serve-nest.js';

// Decorated here rather than written twice.
UseGuards(BlockedGuard)(ItemController);
UseInterceptors(TimingInterceptor)(ItemController);
UseFilters(RangeErrorFilter)(ItemController);

@Module({ controllers: [ItemController] })
class EnhancedModule {}

await serveNest(EnhancedModule, (app) => app.useGlobalPipes(new ValidationPipe({ transform: true })));
