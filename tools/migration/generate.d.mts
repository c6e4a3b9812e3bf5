export function generateMigration(
  app: string,
  name: string,
  drift: { up: readonly string[]; down: readonly string[] },
  timestamp?: number,
): Promise<string[]>;
