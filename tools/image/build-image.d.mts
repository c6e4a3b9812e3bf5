import type { Engine } from './engine.mjs';

interface Image {
  engine: Engine;
  app: string;
  base?: string;
}
export declare function buildImage(image: Image & { tag?: string; more?: string[] }): number;
export declare function buildArguments(
  image: Image & { tag: string; version: string; revision: string; more: string[] },
): string[];
