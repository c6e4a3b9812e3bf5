import type {
  CreateUserRequest,
  DeleteUserRequest,
  GetUserRequest,
  ListUsersRequest,
  StreamUsersRequest,
  UpdateUserRequest,
  User,
} from '@rookery/contracts/user/v1';
import { IsId } from '@rookery/grpc';
import { Type } from 'class-transformer';
import { IsDefined, IsEmail, IsIn, IsOptional, Length, ValidateIf, ValidateNested } from 'class-validator';

export class CreateUserDto implements CreateUserRequest {
  @IsEmail()
  email!: string;

  @Length(1, 200)
  name!: string;
}

export class GetUserDto implements GetUserRequest {
  @IsId()
  id!: string;
}

/** The fields of a user that can be changed; an empty one is not given. */
export class UserChangesDto implements User {
  @IsId()
  id!: string;

  @ValidateIf(({ email }: User) => email !== '')
  @IsEmail()
  email!: string;

  @ValidateIf(({ name }: User) => name !== '')
  @Length(1, 200)
  name!: string;

  createTime!: Date | undefined;
  updateTime!: Date | undefined;
}

export class UpdateUserDto implements UpdateUserRequest {
  @IsDefined()
  @ValidateNested()
  @Type(() => UserChangesDto)
  user!: UserChangesDto;

  @IsOptional()
  @IsIn(['email', 'name'], { each: true })
  updateMask!: ('email' | 'name')[] | undefined;
}

export class DeleteUserDto implements DeleteUserRequest {
  @IsId()
  id!: string;
}

export class ListUsersDto implements ListUsersRequest {
  pageSize!: number;
  pageToken!: string;
}

export class StreamUsersDto implements StreamUsersRequest {}
