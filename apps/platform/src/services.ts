import type { Type } from '@nestjs/common';
import { NotificationServiceModule } from '../../notification-service/src/notification-service.module.js';
import { OrderServiceModule } from '../../order-service/src/order-service.module.js';
import { UserServiceModule } from '../../user-service/src/user-service.module.js';

/** The services that the platform runs. */
export const SERVICES: readonly Type[] = [UserServiceModule, OrderServiceModule, NotificationServiceModule];
