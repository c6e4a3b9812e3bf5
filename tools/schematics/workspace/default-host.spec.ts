import { expect, it } from 'vitest';
import { withDefaultHost } from './default-host.js';

const OPTION = '  option (google.api.default_host) = "a-service:1";\n';
const IMPORT = 'import "google/api/client.proto";\n';

it('says of each service where it is', () => {
  const proto = (option: string, imported: string) =>
    `package a.v1;\n\nimport "google/api/annotations.proto";\n${imported}import "google/type/money.proto";\n
service A {${option}  rpc Get(B) returns (B) {\n    option (google.api.http) = {get: "/v1/{id}"};\n  }\n}\n
service C {${option}  rpc Get(B) returns (B);\n}\n`;
  expect(withDefaultHost(proto('\n', ''), 'a-service:1')).toBe(proto(`\n${OPTION}\n`, IMPORT));
});

it('also of one that is written on one line', () => {
  const proto = 'package a.v1;\nservice A { rpc Get(B) returns (B); }\nmessage B {}\n';
  const expected = `package a.v1;\n\n${IMPORT}service A {\n${OPTION} rpc Get(B) returns (B); }\nmessage B {}\n`;
  expect(withDefaultHost(proto, 'a-service:1')).toBe(expected);
});

it('leaves those that say so already as they are', () => {
  const said = `package a.v1;\n${IMPORT}service A {\n  // } or {\n${OPTION}}\n`;
  expect(withDefaultHost(said, 'b-service:2')).toBe(said);
  const other = 'message B {}\n';
  expect(withDefaultHost(`package a.v1;\n${other}`, 'a-service:1')).toBe(`package a.v1;\n${other}`);
});
