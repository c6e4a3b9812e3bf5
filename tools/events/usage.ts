/** The command line makes no sense; exit code 2, with the usage. */
export class UsageError extends Error {}

export const USAGE = `Events that services gave up, and the state of NATS. NATS_URL says where it is.

  npm run events -- dead list   [--service S] [--type T] [--id EVENT]
  npm run events -- dead show   NUMBER
  npm run events -- dead replay NUMBER… [--payload file.json]   again, by the service that gave it up only
  npm run events -- dead replay --service S | --type T | --id EVENT | --all
  npm run events -- dead drop   NUMBER… | --service S | --type T | --id EVENT | --all
  npm run events -- streams
  npm run events -- consumers
  npm run events -- consumers drop NAME                         of a handler that was removed

  --json prints JSON. Exit code 1 when it fails, 2 when the command is not one of these.`;
