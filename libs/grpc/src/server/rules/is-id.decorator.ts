import { Matches } from 'class-validator';

/** A UUID in the one form that is written everywhere: ids are compared as text in keys, tags and events. */
const CANONICAL = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The property is an id: a UUID in lower case. */
export function IsId(): PropertyDecorator {
  return Matches(CANONICAL, { message: '$property must be a UUID in lower case' });
}
