import { runService } from '@rookery/service';
import { NotificationServiceModule } from './notification-service.module.js';

await runService(NotificationServiceModule);
