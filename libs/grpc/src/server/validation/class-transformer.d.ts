// class-transformer ships its storage in two forms of the same module, and types in a third place.
declare module 'class-transformer/cjs/storage.js' {
  export { defaultMetadataStorage } from 'class-transformer/types/storage.js';
}
declare module 'class-transformer/esm5/storage.js' {
  export { defaultMetadataStorage } from 'class-transformer/types/storage.js';
}
