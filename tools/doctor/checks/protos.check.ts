import type { DescMessage } from '@bufbuild/protobuf';
import type { Check, Problem } from '../finding.js';
import { type App, type Located, classNamed, declaredAt, locate } from '../workspace/app.js';
import type { ProtoService } from '../workspace/protos.js';
import { type Method, decoratorOf } from '../workspace/source.js';
import type { Workspace } from '../workspace/workspace.js';
import { type GrpcController, allHandlers, controllersOf, handlersOf, requestClass, sameName } from './handlers.js';

/** The protos are what the controllers serve, and the DTO classes have the fields of the requests. */
export const protos: Check = {
  name: 'protos',
  promise: 'every RPC has its handler, every handler its RPC, and every DTO the fields of its request',
  run: (workspace) => {
    const controllers = controllersOf(workspace);
    return {
      problems: [
        ...workspace.protos.flatMap((proto) => withoutHandler(workspace, proto, controllers)),
        ...controllers.flatMap((controller) => withoutRpc(workspace, controller)),
        ...ofPackages(workspace),
        ...ofDtos(workspace),
      ],
    };
  },
};

function withoutHandler({ services }: Workspace, proto: ProtoService, controllers: GrpcController[]): Problem[] {
  const { desc, host, at } = proto;
  const own = controllers.filter(({ serves }) => serves === desc.typeName);
  const app = services.find(({ service }) => service.name === host?.name);
  if (own.length === 0) {
    if (!app) return [];
    const what = `no controller of ${app.service.name} serves ${desc.typeName}`;
    const fix = `Write a class with @GrpcController(${desc.name}Definition), and list it in the module.`;
    return [{ severity: 'error', what, where: at(), fix }];
  }
  return own.flatMap((controller) => {
    const served = handlersOf(controller, proto).map(({ rpc }) => rpc);
    return desc.methods
      .filter((rpc) => !served.includes(rpc))
      .map((rpc): Problem => {
        const what = `${controller.type.name} has no handler for ${desc.typeName}/${rpc.name} (${at(rpc.name)})`;
        const where = locate(controller.source, controller.type);
        return { severity: 'error', what, where, fix: `Add the method ${rpc.localName} to ${controller.type.name}.` };
      });
  });
}

function withoutRpc({ protos: all }: Workspace, controller: GrpcController): Problem[] {
  const { app, source, type, serves } = controller;
  const problems: Problem[] = [];
  if (app.service.controllers && !app.service.controllers.some((name) => isClass(app, name, controller))) {
    const what = `${type.name} is not among the controllers of ${app.service.name}, and serves nothing`;
    const where = declaredAt(app.service, 'controllers');
    problems.push({ severity: 'error', what, where, fix: `Add ${type.name} to \`controllers\`.` });
  }
  if (serves === undefined) return problems;
  const proto = all.find(({ desc }) => desc.typeName === serves);
  if (!proto) {
    const what = `${type.name} serves ${serves}, which is in no proto`;
    const fix = `Add the service to proto/, or remove ${type.name}.`;
    return [...problems, { severity: 'error', what, where: locate(source, type), fix }];
  }
  const handlers = handlersOf(controller, proto).map(({ method }) => method);
  const orphans = type.methods.filter((method) => takesRequest(method) && !handlers.includes(method));
  for (const method of orphans) {
    const what = `${type.name}.${method.name} takes a request, and ${serves} has no such RPC`;
    const fix = `Add the RPC to ${proto.at()}, or remove the method.`;
    problems.push({ severity: 'error', what, where: locate(source, method), fix });
  }
  return problems;
}

function isClass(app: App, name: string, { source, type }: Located): boolean {
  const { module } = app.service!;
  const found = classNamed(app, module, name);
  return found?.type === type && found.source === source;
}

/** Events and core messages have handlers of other decorators. */
function takesRequest(method: Method): boolean {
  if (['OnEvent', 'EventPattern', 'MessagePattern'].some((name) => decoratorOf(method, name))) return false;
  return method.parameters.some((each) => decoratorOf(each, 'Payload') ?? decoratorOf(each, 'Messages'));
}

function ofPackages({ services, protos: all }: Workspace): Problem[] {
  return services.flatMap(({ service }): Problem[] => {
    const own = all.filter(({ host }) => host?.name === service.name).map(({ desc }) => desc.file.proto.package);
    if (service.package === undefined || own.length === 0 || own.includes(service.package)) return [];
    const what = `${service.name} declares the package ${service.package}, and its protos are of ${own.join(', ')}`;
    const where = declaredAt(service, 'package');
    return [{ severity: 'error', what, where, fix: `Write \`package: '${own[0]}'\`.` }];
  });
}

function ofDtos(workspace: Workspace): Problem[] {
  const seen = new Set<string>();
  return allHandlers(workspace).flatMap((handler) => {
    const dto = requestClass(handler);
    // What it extends would have to be run to be known, when it is `PickType(…)`.
    if (!dto || dto.type.base?.includes('(')) return [];
    const key = `${locate(dto.source, dto.type)} ${handler.rpc.input.typeName}`;
    if (seen.has(key)) return [];
    seen.add(key);
    return compare(handler.controller.app, dto, handler.rpc.input);
  });
}

function compare(app: App, dto: Located, message: DescMessage): Problem[] {
  const properties = propertiesOf(app, dto);
  const members = message.members.map((each) => ('localName' in each ? each.localName : ''));
  const where = locate(dto.source, dto.type);
  const lacking = members.filter((name) => !properties.some((property) => sameName(property, name)));
  const strange = dto.type.properties.filter(({ name }) => !members.some((each) => sameName(each, name)));
  return [
    ...lacking.map((name): Problem => {
      const what = `${dto.type.name} lacks ${name} of ${message.typeName}`;
      return { severity: 'error', what, where, fix: `Add ${name} to ${dto.type.name}.` };
    }),
    ...strange.map((property): Problem => {
      const what = `${dto.type.name} has ${property.name}, which ${message.typeName} has not: nobody can send it`;
      const fix = `Add the field to the proto, or remove it from ${dto.type.name}.`;
      return { severity: 'warning', what, where: locate(dto.source, property), fix };
    }),
  ];
}

/** With those of the classes that it extends. */
function propertiesOf(app: App, { source, type }: Located): string[] {
  const base = type.base === undefined ? undefined : classNamed(app, source, type.base);
  return [...type.properties.map(({ name }) => name), ...(base ? propertiesOf(app, base) : [])];
}
