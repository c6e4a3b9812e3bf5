import { Module } from '@nestjs/common';
import { ServiceModule } from '@rookery/service';
import { CreateNotifications1700000000300 } from './migrations/1700000000300-create-notifications.js';
import { RecordInsertingTransactions1700000000310 } from './migrations/1700000000310-record-inserting-transactions.js';
import { NotificationEventsController } from './notification-events.controller.js';
import { NotificationController } from './notification.controller.js';
import { Notification } from './notification.entity.js';
import { NotificationService } from './notification.service.js';

@Module({
  imports: [
    ServiceModule.register({
      name: 'notification-service',
      package: 'notification.v1',
      ports: { grpc: 50053, http: 8083 },
      database: {
        entities: [Notification],
        migrations: [CreateNotifications1700000000300, RecordInsertingTransactions1700000000310],
      },
      messaging: true,
    }),
  ],
  controllers: [NotificationController, NotificationEventsController],
  providers: [NotificationService],
})
export class NotificationServiceModule {}
