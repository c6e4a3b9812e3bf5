import { apply, applyTemplates, filter, mergeWith, move, url } from '@angular-devkit/schematics';

/** Makes the files of one folder of the schematic's own templates. @param {(path: string) => boolean} [wanted] of the templates' paths */
export function templates(folder, to, values, wanted = () => true) {
  return mergeWith(apply(url(`./templates/${folder}`), [filter(wanted), applyTemplates(values), move(to)]));
}
