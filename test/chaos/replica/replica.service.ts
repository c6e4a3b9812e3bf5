import { setTimeout as sleep } from 'node:timers/promises';
import { Module } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import type { ServiceController } from '@rookery/contracts';
import { GetUserRequest, User } from '@rookery/contracts/user/v1';
import { GrpcController, Messages } from '@rookery/grpc';
import { ServiceModule } from '@rookery/service';
import { IsNotEmpty } from 'class-validator';

const rpc = <Q extends boolean, P extends boolean>(name: string, requestStream: Q, responseStream: P) =>
  ({ name, requestType: GetUserRequest, requestStream, responseType: User, responseStream, options: {} }) as const;

/** All four kinds, on messages that exist. None is idempotent: a client that is ours does not repeat a call of its own accord. */
export const ReplicaServiceDefinition = {
  name: 'ReplicaService',
  fullName: 'replica.v1.ReplicaService',
  methods: {
    get: rpc('Get', false, false),
    list: rpc('List', false, true),
    collect: rpc('Collect', true, false),
    echo: rpc('Echo', true, true),
  },
} as const;

/** How long a call or a message takes, in milliseconds: calls are always under way when the process is told to stop. */
const WORK = 10;

/** Messages of a stream that a reply sends. */
export const LIST_LENGTH = 20;

class GetDto implements GetUserRequest {
  @IsNotEmpty()
  id!: string;
}

const user = (id: string): User => User.fromPartial({ id, name: String(process.pid) });

@GrpcController(ReplicaServiceDefinition)
class ReplicaController implements ServiceController<typeof ReplicaServiceDefinition> {
  async get(@Payload() { id }: GetDto): Promise<User> {
    await sleep(WORK);
    return user(id);
  }
  async *list(@Payload() { id }: GetDto): AsyncGenerator<User> {
    for (let sent = 0; sent < LIST_LENGTH; sent += 1) {
      await sleep(WORK);
      yield user(id);
    }
  }
  async collect(@Messages(GetDto) messages: AsyncIterable<GetDto>): Promise<User> {
    let last = '';
    for await (const { id } of messages) last = id;
    return user(last);
  }
  async *echo(@Messages(GetDto) messages: AsyncIterable<GetDto>): AsyncGenerator<User> {
    for await (const { id } of messages) yield user(id);
  }
}

@Module({
  imports: [ServiceModule.register({ name: 'replica', package: 'replica.v1', ports: { grpc: 0, http: 0 } })],
  controllers: [ReplicaController],
})
export class ReplicaServiceModule {}
