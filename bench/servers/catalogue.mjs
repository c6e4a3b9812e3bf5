import { fileURLToPath } from 'node:url';

/** All ratios are to the mean of this one … */
export const BASELINE = 'raw-static';
/** … and the same once more: what differs between the two is noise. */
export const CONTROL = 'raw-static-again';

const script = (name) => ({ path: fileURLToPath(new URL(`${name}.mjs`, import.meta.url)) });
const built = (name, entry) => ({
  app: name,
  path: fileURLToPath(new URL(`../../dist/bench/${name}/${entry}.js`, import.meta.url)),
});

/** What is measured, in the order of the tables. `app` names what nest-cli.json builds. */
export const SERVERS = [
  { name: 'raw-loader', title: 'grpc-js, proto-loader', ...script('raw-loader') },
  { name: BASELINE, title: 'grpc-js, static codecs', ...script('raw-static') },
  { name: CONTROL, title: 'grpc-js, static codecs (again)', ...script('raw-static') },
  { name: 'nest-plain', title: 'Nest', ...built('nest-plain', 'plain') },
  { name: 'nest-enhanced', title: 'Nest, guard + pipe + interceptor + filter', ...built('nest-enhanced', 'enhanced') },
  { name: 'nice-grpc', title: 'nice-grpc', ...built('nice-grpc', 'nice-grpc') },
  { name: 'connect-node', title: 'connect-node', ...script('connect-node') },
  { name: 'rookery-bare', title: 'Rookery, bare', ...built('rookery-bare', 'bare') },
  {
    name: 'rookery-enhanced',
    title: 'Rookery, guard + pipe + interceptor + filter',
    ...built('rookery-enhanced', 'enhanced'),
  },
  {
    name: 'rookery-everything',
    title: 'Rookery, all of a generated service',
    ...built('rookery-everything', 'everything'),
  },
];
