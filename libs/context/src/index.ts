export { type CallContext, callContext, contextLike, remainingTime, runWithContext } from './call-context.js';
export { orAborted } from './or-aborted.js';
