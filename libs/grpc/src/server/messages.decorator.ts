import type { PipeTransform, Type } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import { validateAs } from './validation.pipe.js';

const parameters = new WeakMap<object, Set<string | symbol>>();

/** Validates each message of a stream when the handler comes to it. */
class MessageStreamPipe implements PipeTransform<AsyncIterable<object>> {
  constructor(private readonly type: Type<object>) {}

  async *transform(messages: AsyncIterable<object>): AsyncGenerator<object> {
    for await (const message of messages) yield validateAs(this.type, message);
  }
}

/**
 * The parameter that takes what a client streams: `@Messages(UploadDto) uploads: AsyncIterable<UploadDto>`.
 * Every message is validated; the first invalid one ends the call with INVALID_ARGUMENT.
 */
export function Messages(type: Type<object>): ParameterDecorator {
  return (target, name, index) => {
    const names = parameters.get(target) ?? new Set();
    parameters.set(target, names.add(name!));
    Payload(new MessageStreamPipe(type))(target, name, index);
  };
}

/** Whether the method takes its messages through `@Messages`. */
export function isMessageStreamParameter(prototype: object, name: string): boolean {
  return parameters.get(prototype)?.has(name) ?? false;
}
