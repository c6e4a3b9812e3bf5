import type { ListNotificationsRequest, StreamNotificationsRequest } from '@rookery/contracts/notification/v1';
import { IsId } from '@rookery/grpc';

export class ListNotificationsDto implements ListNotificationsRequest {
  @IsId()
  userId!: string;

  pageSize!: number;
  pageToken!: string;
}

export class StreamNotificationsDto implements StreamNotificationsRequest {
  @IsId()
  userId!: string;
}
