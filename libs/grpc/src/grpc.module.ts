import { Module } from '@nestjs/common';
import { APP_PIPE } from '@nestjs/core';
import { ValidationPipe } from './server/validation.pipe.js';

/** What every gRPC handler gets without asking: validation of its request. */
@Module({
  providers: [{ provide: APP_PIPE, useClass: ValidationPipe }],
})
export class GrpcModule {}
