import { Injectable } from '@nestjs/common';
import { type UserServiceClient, UserServiceDefinition } from '@rookery/contracts/user/v1';
import { FailedPrecondition, NotFound } from '@rookery/errors';
import { InjectClient } from '@rookery/grpc';

/** The users, as orders need to know them: whether they exist. They are user-service's. */
@Injectable()
export class UserDirectory {
  constructor(@InjectClient(UserServiceDefinition) private readonly users: UserServiceClient) {}

  /** @throws {FailedPrecondition} USER_NOT_FOUND @throws {Unavailable} while user-service cannot be reached */
  async mustExist(id: string): Promise<void> {
    try {
      await this.users.getUser({ id });
    } catch (error) {
      if (!(error instanceof NotFound)) throw error;
      throw new FailedPrecondition(`user ${id} does not exist`, {
        reason: 'USER_NOT_FOUND',
        metadata: { id },
        violations: [{ type: 'USER', subject: `users/${id}`, description: 'does not exist' }],
        cause: error,
      });
    }
  }
}
