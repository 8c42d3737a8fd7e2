/** guest/specialise.sh, with stand-ins for what it runs, in a mount table of its own. Needs root on Linux; elsewhere a skip. */
import { quoted } from "../../../src/base/shell.ts";
import { expect, test } from "bun:test";
import { join } from "node:path";
import { inNamespace, mayMount } from "../../support/namespace.ts";
import { repository } from "../../support/program.ts";
import { writesLock } from "../../support/stand-in-nixos.ts";

const script = join(repository, "guest/specialise.sh");
const programs = "/run/current-system/sw/bin";

/** A guest's /run and /var/lib, with a nixos-rebuild and a systemctl that say what they were asked. */
const guest = ["nixos-rebuild", "systemctl"]
  .map(
    (name) =>
      [`${programs}/${name}`, `#!/bin/sh\necho "${name} $*"\n${name === "systemctl" ? "" : writesLock}\n`] as const,
  )
  .reduce(
    (words, [path, text]) => `${words}; printf %s ${quoted(text)} > ${path}; chmod +x ${path}`,
    `mount -t tmpfs none /run; mount -t tmpfs none /var/lib; mkdir -p ${programs} /run/qn`,
  );

test.skipIf(!mayMount)(
  "a flake without a lock is built as it is, once, whether its folder may be written or not",
  async () => {
    const [prepared, first, second, other, files] = await inNamespace([
      {
        sh: `${guest}; mkdir $host/machines; echo "{ }" > $host/machines/flake.nix; printf '%s\\nweb\\n' $host/machines > /run/qn/flake`,
      },
      { sh: `sh ${script} | sed s,$host,HOST,` },
      { sh: `sh ${script}` },
      // Another content, in a share that is read-only.
      {
        sh: `echo "{}" > $host/machines/flake.nix; mount -o bind,ro $host/machines $host/machines; sh ${script} | sed s,$host,HOST,`,
      },
      { sh: "ls $host/machines" },
    ]);
    const done = "nixos-rebuild boot --flake path:HOST/machines#web --no-write-lock-file\nsystemctl reboot";
    expect({ prepared, first, second, other, files }).toEqual({
      prepared: "",
      first: done,
      second: "",
      other: done,
      files: "flake.nix",
    });
  },
);
