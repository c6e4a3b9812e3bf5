export type Engine = 'docker' | 'podman' | 'buildah';
export declare const ENGINES: readonly Engine[];
export declare function chooseEngine(options?: {
  wanted?: Engine;
  from?: readonly Engine[];
  complaint?: (engine: Engine) => string | undefined;
}): Engine;
