/** Writes a file of the tree, unless it says that already. */
export function put(tree, path, text) {
  if (!tree.exists(path)) tree.create(path, text);
  else if (tree.read(path).toString() !== text) tree.overwrite(path, text);
}
