import { Payload } from '@nestjs/microservices';
import { GetUserRequest, User } from '@rookery/contracts/user/v1';
import { describe, expect, it } from 'vitest';
import { GrpcController } from './grpc-controller.decorator.js';

describe('a controller', () => {
  const method = {
    name: 'Get',
    requestType: GetUserRequest,
    requestStream: false,
    responseType: User,
    responseStream: false,
    options: {},
  };
  const service = { name: 'S', fullName: 's.S', methods: { get: method } } as never;

  it('is refused when an RPC has no method', () => {
    class Empty {}
    expect(() => GrpcController(service)(Empty)).toThrow('Empty has no method get for the RPC s.S/Get');
  });

  it('is refused when a request has no DTO class, which would skip validation', () => {
    class Careless {
      get(@Payload() request: GetUserRequest): User {
        return User.fromPartial(request);
      }
    }
    expect(() => GrpcController(service)(Careless)).toThrow(
      'Careless.get must take its request as @Payload() request: SomeDto, with SomeDto a class imported as a value',
    );
  });
});
