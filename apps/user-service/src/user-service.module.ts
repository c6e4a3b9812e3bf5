import { Module } from '@nestjs/common';
import { ServiceModule } from '@rookery/service';
import { CreateUsers1700000000100 } from './migrations/1700000000100-create-users.js';
import { UserController } from './user.controller.js';
import { User } from './user.entity.js';
import { UserService } from './user.service.js';

@Module({
  imports: [
    ServiceModule.register({
      name: 'user-service',
      package: 'user.v1',
      ports: { grpc: 50051, http: 8081 },
      database: { entities: [User], migrations: [CreateUsers1700000000100] },
      cache: true,
      messaging: true,
    }),
  ],
  controllers: [UserController],
  providers: [UserService],
})
export class UserServiceModule {}
