/** Nix for a guest without NixOS: this machine's own, and stores for tests, which leave the machine's alone. */
import { copyFile, mkdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { findProgram, run } from "../../src/system/process.ts";
import { inGuest } from "./stand-in-nixos.ts";
import type { Vm } from "./vm.ts";

/** This machine's Nix; tests are skipped where there is none. */
export const nix = findProgram("nix");

/** What Nix is set to on both sides: nothing from elsewhere, and builders of the user's own. */
const settings = ["build-users-group =", "substitute = false"];

/** The names that Nix' one program goes by. */
const names = ["nix", "nix-daemon", "nix-env", "nix-store"];

/** Where Debian's Nix looks for the same program once more, to ask whether another machine should build. */
const buildHook = "/usr/libexec/nix/build-remote";

/**
 * Puts this machine's Nix into the guest, whatever the guest's libraries are: with its own, by its own loader. `/etc/nix/env` there,
 * a shell's, may set its variables.
 */
export async function giveNix(vm: Vm): Promise<void> {
  if (nix === undefined) throw new Error("There is no Nix on this machine.");
  const folder = join(vm.inTmp, "nix");
  await mkdir(folder);
  const { stdout } = await run(["ldd", nix]);
  const libraries = [...stdout.matchAll(/(?:=> )?(\/\S+) \(/g)].map(([, path = ""]) => path);
  for (const path of [...libraries, nix]) await copyFile(path, join(folder, basename(path)));
  const loader = basename(libraries.find((path) => /ld-linux/.test(path)) ?? "");
  await vm.qn("cp", folder, "default:/var/tmp/");
  const wrapper = `#!/bin/sh
[ ! -e /etc/nix/env ] || . /etc/nix/env
exec /opt/nix/${loader} --library-path /opt/nix --argv0 "\${0##*/}" /opt/nix/nix "$@"
`;
  await inGuest(
    vm.folder,
    `mv /var/tmp/nix /opt/nix; chmod -R a+rX /opt/nix; chmod +x /opt/nix/*
     printf %s '${wrapper}' > /opt/nix/run; chmod +x /opt/nix/run
     for name in ${names.join(" ")}; do ln -s /opt/nix/run /usr/local/bin/$name; done
     mkdir -p ${dirname(buildHook)}; ln -s /opt/nix/run ${buildHook}
     mkdir -p /etc/nix; printf '%s\\n' ${[...settings, "sandbox = false"].map((line) => `'${line}'`).join(" ")} > /etc/nix/nix.conf`,
  );
}

/**
 * The variables of a Nix whose store is in `folder`, though its paths are those of /nix/store: builders see it there, with this
 * machine's shell.
 */
export function hiddenStore(folder: string): Record<string, string> {
  const sandbox = ["sandbox = true", "sandbox-paths = /bin /usr /lib /lib64"];
  return { NIX_REMOTE: join(folder, "store"), NIX_CONFIG: [...settings, ...sandbox].join("\n"), HOME: folder };
}

/** The variables of a Nix whose store is a folder of its own, with paths of that folder. */
export function ownStore(folder: string): Record<string, string> {
  return {
    NIX_STORE_DIR: join(folder, "store"),
    NIX_STATE_DIR: join(folder, "state"),
    NIX_LOG_DIR: join(folder, "log"),
    NIX_CONFIG: [...settings, "sandbox = false"].join("\n"),
    HOME: folder,
  };
}
