import { Module, UseFilters, UseGuards, UseInterceptors } from '@nestjs/common';
import { GrpcModule } from '@rookery/grpc';
import { BlockedGuard, RangeErrorFilter, TimingInterceptor } from '../enhancers.js';
import { ItemController } from './item.controller.js';
import { serveRookery } from './serve-rookery.js';

// Decorated here rather than written twice.
UseGuards(BlockedGuard)(ItemController);
UseInterceptors(TimingInterceptor)(ItemController);
UseFilters(RangeErrorFilter)(ItemController);

// GrpcModule brings the pipe that validates, and the filter for all other errors.
@Module({ imports: [GrpcModule], controllers: [ItemController] })
class EnhancedModule {}

await serveRookery(EnhancedModule);
