import { runService } from '@rookery/service';
import { OrderServiceModule } from './order-service.module.js';

await runService(OrderServiceModule);
