import { Module } from '@nestjs/common';
import { ServiceModule, createService } from '@rookery/service';
import { announce } from '../announce.mjs';
import { ItemController } from './item.controller.js';

// A generated service without a table: validation, context, metrics, a JSON line for every call, probes, health.
@Module({
  imports: [ServiceModule.register({ name: 'bench-service', package: 'bench.v1', ports: { grpc: 0, http: 0 } })],
  controllers: [ItemController],
})
class EverythingModule {}

const service = await createService(EverythingModule);
await service.listen();
announce(service.ports.grpc);
