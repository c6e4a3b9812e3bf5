import type { ListNotificationsRequest, StreamNotificationsRequest } from '@rookery/contracts/notification/v1';
import { IsUUID } from 'class-validator';

export class ListNotificationsDto implements ListNotificationsRequest {
  @IsUUID()
  userId!: string;

  pageSize!: number;
  pageToken!: string;
}

export class StreamNotificationsDto implements StreamNotificationsRequest {
  @IsUUID()
  userId!: string;
}
