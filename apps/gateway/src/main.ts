import { Environment } from '@rookery/config';
import { runProcess } from '@rookery/service';
import { createGateway } from './gateway.js';

await runProcess(async () => {
  const gateway = await createGateway({ environment: new Environment(process.env) });
  await gateway.listen();
  return gateway;
});
