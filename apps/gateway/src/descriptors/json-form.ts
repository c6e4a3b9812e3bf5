import { type DescMessage } from '@bufbuild/protobuf';
import { isWrapperDesc } from '@bufbuild/protobuf/wkt';

const TEXT = new Set(['google.protobuf.Timestamp', 'google.protobuf.Duration', 'google.protobuf.FieldMask']);
const OTHER = new Set([
  'google.protobuf.Any',
  'google.protobuf.Struct',
  'google.protobuf.Value',
  'google.protobuf.ListValue',
]);

/** Whether protojson writes the message as one value that fits a query parameter: Timestamp, Int32Value, … */
export function hasTextForm(message: DescMessage): boolean {
  return TEXT.has(message.typeName) || isWrapperDesc(message);
}

/** Whether protojson writes the message in a form of its own rather than as an object with the message's fields. */
export function hasOwnJsonForm(message: DescMessage): boolean {
  return hasTextForm(message) || OTHER.has(message.typeName);
}
