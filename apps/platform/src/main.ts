import { Environment } from '@rookery/config';
import { runProcess } from '@rookery/service';
import { banner } from './banner.js';
import { createPlatform } from './platform.js';

const say = (line: string) => process.stdout.write(`${line}\n`);

await runProcess(
  async () => {
    const platform = await createPlatform(new Environment(process.env), { onProgress: say });
    await platform.listen();
    say(banner(platform));
    return platform;
  },
  () => say('Stopping …'),
);
