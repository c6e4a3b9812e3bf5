import { Module } from '@nestjs/common';
import { ServiceModule, runService } from '@rookery/service';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { CreateUsers1700000000100 } from '../../../apps/user-service/src/migrations/1700000000100-create-users.js';
import { UserController } from '../../../apps/user-service/src/user.controller.js';
import { User } from '../../../apps/user-service/src/user.entity.js';
import { UserService } from '../../../apps/user-service/src/user.service.js';

/** Expands: what runs already does not know of it. */
class AddPhone1800000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE users ADD COLUMN phone text');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE users DROP COLUMN phone');
  }
}

/** The next release of user-service. */
@Module({
  imports: [
    ServiceModule.register({
      name: 'user-service',
      package: 'user.v1',
      ports: { grpc: 50051, http: 8081 },
      database: { entities: [User], migrations: [CreateUsers1700000000100, AddPhone1800000000000] },
      cache: true,
      messaging: true,
    }),
  ],
  controllers: [UserController],
  providers: [UserService],
})
class NextUserServiceModule {}

await runService(NextUserServiceModule);
