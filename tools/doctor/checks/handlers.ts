import type { DescMethod } from '@bufbuild/protobuf';
import { type Located, type ServiceApp, classNamed, classesWith, definitionOf } from '../workspace/app.js';
import type { ProtoService } from '../workspace/protos.js';
import { type Method, decoratorOf } from '../workspace/source.js';
import { Ref } from '../workspace/value.js';
import type { Workspace } from '../workspace/workspace.js';

/** A controller of a gRPC service. */
export interface GrpcController extends Located {
  readonly app: ServiceApp;
  /** `user.v1.UserService`; undefined when its definition is not a generated one. */
  readonly serves: string | undefined;
}

/** A method that serves an RPC. */
export interface Handler {
  readonly controller: GrpcController;
  readonly method: Method;
  readonly rpc: DescMethod;
}

export function controllersOf({ services }: Workspace): GrpcController[] {
  return services.flatMap((app) =>
    classesWith(app, 'GrpcController').map(({ source, type, argument }) => {
      return { app, source, type, serves: definitionOf(argument, source) };
    }),
  );
}

/** What a name is in both a proto and the code generated from it, whichever way a generator writes it. */
export function sameName(one: string, other: string): boolean {
  const plain = (name: string) => name.replaceAll(/[_$]/g, '').toLowerCase();
  return plain(one) === plain(other);
}

export function handlersOf(controller: GrpcController, { desc }: ProtoService): Handler[] {
  return desc.methods.flatMap((rpc) => {
    const method = controller.type.methods.find(({ name }) => sameName(name, rpc.name));
    return method ? [{ controller, method, rpc }] : [];
  });
}

/** What serves the RPCs of all protos. */
export function allHandlers(workspace: Workspace): Handler[] {
  const controllers = controllersOf(workspace);
  return workspace.protos.flatMap((proto) =>
    controllers
      .filter(({ serves }) => serves === proto.desc.typeName)
      .flatMap((controller) => handlersOf(controller, proto)),
  );
}

/** The parameter that takes the request: `@Payload() request: SomeDto`, `@Messages(SomeDto) requests`. */
export function requestParameter({ parameters }: Method) {
  const marked = parameters.find(
    (each) => decoratorOf(each, 'Messages') ?? decoratorOf(each, 'Payload')?.args.length === 0,
  );
  return marked ?? parameters[0];
}

/** The name of the class that a request is an instance of; undefined when it is no plain name. */
export function requestTypeName(method: Method): string | undefined {
  const parameter = requestParameter(method);
  const messages = parameter && decoratorOf(parameter, 'Messages')?.args[0];
  const name = messages instanceof Ref ? messages.name : parameter?.type;
  return name && /^\w+$/.test(name) ? name : undefined;
}

/** The DTO class of a handler's request, if it is one of the app's. */
export function requestClass({ controller: { app, source }, method }: Handler): Located | undefined {
  const name = requestTypeName(method);
  return name === undefined ? undefined : classNamed(app, source, name);
}
