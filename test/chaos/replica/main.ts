import { runService } from '@rookery/service';
import { ReplicaServiceModule } from './replica.service.js';

await runService(ReplicaServiceModule);
