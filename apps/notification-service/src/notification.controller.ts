import { Payload } from '@nestjs/microservices';
import {
  type ListNotificationsResponse,
  type Notification,
  type NotificationServiceController,
  NotificationServiceDefinition,
} from '@rookery/contracts/notification/v1';
import { GrpcController } from '@rookery/grpc';
import { ListNotificationsDto, StreamNotificationsDto } from './notification.dto.js';
import { NotificationService } from './notification.service.js';

@GrpcController(NotificationServiceDefinition)
export class NotificationController implements NotificationServiceController {
  constructor(private readonly notifications: NotificationService) {}

  async listNotifications(@Payload() request: ListNotificationsDto): Promise<ListNotificationsResponse> {
    const { items, nextPageToken } = await this.notifications.list(request.userId, request);
    return { notifications: items, nextPageToken };
  }

  async *streamNotifications(@Payload() request: StreamNotificationsDto): AsyncIterable<Notification> {
    yield* this.notifications.stream(request.userId);
  }
}
