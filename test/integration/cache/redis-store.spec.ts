import { cacheStoreContract } from '../../../libs/cache/src/cache-store.contract.js';
import { Replica, newService } from './cache.fixture.js';

cacheStoreContract('on Redis', async () => (await Replica.open(newService())).store);
