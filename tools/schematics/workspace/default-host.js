import { serviceBlocks, withProtoImport } from './proto-text.js';

/**
 * A proto in which each service says where it is: `option (google.api.default_host)`, the platform's table of ports. One
 * that says so already is left as it is.
 * @param {string} proto
 * @param {string} host such as `payment-service:50054`
 */
export function withDefaultHost(proto, host) {
  const option = `\n  option (google.api.default_host) = "${host}";\n`;
  const bare = serviceBlocks(proto).filter(
    ({ open, end }) => !proto.slice(open, end).includes('(google.api.default_host)'),
  );
  if (bare.length === 0) return proto;
  const text = bare.toReversed().reduce((rest, { open }) => rest.slice(0, open) + option + rest.slice(open), proto);
  return withProtoImport(text, 'google/api/client.proto');
}
