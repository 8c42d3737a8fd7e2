/** What is to be deployed: an attribute of a flake, or a system that is built already. */
import { resolve } from "node:path";
import { QnError } from "../../../base/errors.ts";

/** A NixOS system: `installable` is Nix's word for it, `path` one that is in a store already. */
export type Target = { readonly installable: string } | { readonly path: string };

/** True for a word that names a system rather than a VM. */
export function isTarget(word: string): boolean {
  return word.includes("#") || word.startsWith("/");
}

/**
 * The system that `FLAKE#NAME` or a path means. A NAME is that of one of the flake's nixosConfigurations; one with dots
 * in it is an attribute of its own. A flake that is a folder is taken from `cwd`. Throws USAGE.
 */
export function parseTarget(word: string, cwd: string): Target {
  const hash = word.indexOf("#");
  if (hash < 0) return { path: word };
  const [flake, name] = [word.slice(0, hash), word.slice(hash + 1)];
  if (name === "") {
    throw new QnError("USAGE", `"${word}" names no system.`, { hint: "Write it as in `qn deploy .#guest`." });
  }
  const reference = flake === "" || flake.startsWith(".") ? resolve(cwd, flake === "" ? "." : flake) : flake;
  const attribute = name.includes(".") ? name : `nixosConfigurations.${name}.config.system.build.toplevel`;
  return { installable: `${reference}#${attribute}` };
}
