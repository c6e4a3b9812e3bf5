/** What a service of docker-compose.yml depends on. */
export interface ComposedService {
  app: string;
  role: string;
  database: boolean;
  cache: boolean;
  messaging: boolean;
}

export function addToCompose(text: string, service: ComposedService): string;
export function removeFromCompose(text: string, service: { app: string }): string;
