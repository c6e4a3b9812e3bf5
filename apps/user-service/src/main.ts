import { runService } from '@rookery/service';
import { UserServiceModule } from './user-service.module.js';

await runService(UserServiceModule);
