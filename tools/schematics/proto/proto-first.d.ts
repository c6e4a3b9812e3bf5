/** The classes of a service, which are in `<kebab>.controller.ts` and `<kebab>.service.ts`. */
export interface GeneratedService {
  readonly name: string;
  readonly definition: string;
  readonly controller: string;
  readonly provider: string;
  readonly kebab: string;
}

export function serviceFilesFromProto(about: {
  readonly root: string;
  readonly domain: string;
  readonly appName: string;
}): Promise<{
  readonly files: Map<string, string>;
  readonly services: GeneratedService[];
  readonly unimplemented: string[];
}>;
