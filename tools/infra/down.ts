import { infraFolder } from './infra-folder.js';
import { takeDown } from './take-down.js';

// npm run infra:down
try {
  const lines = await takeDown(infraFolder);
  console.log(lines.length > 0 ? lines.join('\n') : 'nothing runs that "npm run infra:up" started');
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
