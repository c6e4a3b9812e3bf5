import { Payload } from '@nestjs/microservices';
import { CacheAside, CacheEvict } from '@rookery/cache';
import type { Empty } from '@rookery/contracts/google/protobuf';
import {
  type GetUserRequest,
  type ListUsersResponse,
  type UpdateUserRequest,
  type User,
  type UserServiceController,
  UserServiceDefinition,
} from '@rookery/contracts/user/v1';
import { GrpcController } from '@rookery/grpc';
import { CreateUserDto, DeleteUserDto, GetUserDto, ListUsersDto, StreamUsersDto, UpdateUserDto } from './user.dto.js';
import { UserService } from './user.service.js';

@GrpcController(UserServiceDefinition)
export class UserController implements UserServiceController {
  constructor(private readonly users: UserService) {}

  createUser(@Payload() request: CreateUserDto): Promise<User> {
    return this.users.create(request);
  }

  @CacheAside<GetUserRequest>({ key: ({ id }) => `user:${id}`, ttl: '5m', tags: ({ id }) => [`user:${id}`] })
  getUser(@Payload() request: GetUserDto): Promise<User> {
    return this.users.get(request.id);
  }

  @CacheEvict<UpdateUserRequest>({ tags: ({ user }) => [`user:${user?.id}`] })
  updateUser(@Payload() { user, updateMask }: UpdateUserDto): Promise<User> {
    // Without a mask the fields that are given count (AIP-134).
    const fields = updateMask?.length ? updateMask : (['email', 'name'] as const).filter((field) => user[field] !== '');
    return this.users.update(user.id, Object.fromEntries(fields.map((field) => [field, user[field]])));
  }

  @CacheEvict<GetUserRequest>({ tags: ({ id }) => [`user:${id}`] })
  async deleteUser(@Payload() request: DeleteUserDto): Promise<Empty> {
    await this.users.delete(request.id);
    return {};
  }

  async listUsers(@Payload() request: ListUsersDto): Promise<ListUsersResponse> {
    const { items, nextPageToken } = await this.users.list(request);
    return { users: items, nextPageToken };
  }

  async *streamUsers(@Payload() _request: StreamUsersDto): AsyncIterable<User> {
    yield* this.users.stream();
  }
}
