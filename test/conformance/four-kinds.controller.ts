import { type Type, applyDecorators } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import { GrpcController, Messages } from '@rookery/grpc';
import { ConformanceDefinition, RequestDto } from './conformance-service.js';

/** What the handlers of a test do. They are looked up at each call, so that a test names just the one it calls. */
export interface Handlers {
  unary?(request: RequestDto): unknown;
  serverStream?(request: RequestDto): unknown;
  clientStream?(messages: AsyncIterable<RequestDto>): unknown;
  bidi?(messages: AsyncIterable<RequestDto>): unknown;
  acknowledge?(request: RequestDto): unknown;
}

type Decorator = ClassDecorator & MethodDecorator;

/** Decorators, such as `UseGuards(…)`, for the class or for each of its methods. */
export interface Decorators {
  onController?: Decorator[];
  onMethods?: Decorator[];
}

/** A new controller of the conformance service whose methods do what `handlers` says. */
export function fourKinds(handlers: Handlers, { onController = [], onMethods = [] }: Decorators = {}): Type {
  const OnMethod = () => applyDecorators(...onMethods) as MethodDecorator;

  @GrpcController(ConformanceDefinition)
  class FourKindsController {
    @OnMethod()
    unary(@Payload() request: RequestDto): unknown {
      return handlers.unary!(request);
    }
    @OnMethod()
    serverStream(@Payload() request: RequestDto): unknown {
      return handlers.serverStream!(request);
    }
    @OnMethod()
    clientStream(@Messages(RequestDto) messages: AsyncIterable<RequestDto>): unknown {
      return handlers.clientStream!(messages);
    }
    @OnMethod()
    bidi(@Messages(RequestDto) messages: AsyncIterable<RequestDto>): unknown {
      return handlers.bidi!(messages);
    }
    @OnMethod()
    acknowledge(@Payload() request: RequestDto): unknown {
      return handlers.acknowledge!(request);
    }
  }
  for (const decorate of onController) decorate(FourKindsController);
  return FourKindsController;
}
