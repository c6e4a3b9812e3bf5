import { Module } from '@nestjs/common';
import { APP_FILTER, APP_PIPE } from '@nestjs/core';
import { RpcErrorFilter } from './server/rpc-error.filter.js';
import { ValidationPipe } from './server/validation.pipe.js';

/** What every gRPC handler gets without asking: validation of its request, errors that keep their meaning. */
@Module({
  providers: [
    { provide: APP_FILTER, useClass: RpcErrorFilter },
    { provide: APP_PIPE, useClass: ValidationPipe },
  ],
})
export class GrpcModule {}
