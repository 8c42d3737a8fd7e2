/** The configuration that qn writes, as the real ssh reads it, wherever QN_HOME lies. */
import { expect, test } from "bun:test";
import { mkdir, mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeSshConfig } from "../../../../src/host/integrate/ssh-config.ts";
import { layoutOf } from "../../../../src/host/layout.ts";
import { run } from "../../../../src/system/process.ts";

const names = ["plain", "two words", "100%d", "a*b", "wh?t", "[x]", 'quo"te', "back\\slash", "it's", "ünï"];

/** OpenSSH's number for a key of that type (sshkey.h, KEY_ED25519). */
const ed25519 = "3";

test("ssh finds every VM, its key and its known hosts, whatever letters QN_HOME has", async () => {
  const folder = await realpath(await mkdtemp(join(tmpdir(), "qn-")));
  try {
    for (const name of names) {
      const layout = layoutOf(join(folder, name));
      const paths = layout.vm("web");
      await mkdir(paths.folder, { recursive: true });
      await run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", paths.sshKey]);
      await writeSshConfig(layout, paths, 40_022, { nixBuilder: false });
      const settings = await run(["ssh", "-G", "-F", layout.sshConfig, "qn-web"]);
      expect([name, settings.stderr, settings.stdout.match(/^port .*$/gm)]).toEqual([name, "", ["port 40022"]]);
      // Only a connection expands the paths; this one ends before it begins.
      const options = ["-v", "-o", "LogLevel=DEBUG1", "-o", "ProxyCommand=false"];
      const { stderr } = await run(["ssh", ...options, "-F", paths.sshConfig, "qn-web"]);
      // -1 stands for a file that is not there.
      expect([name, / type (-?\d+)\r?$/m.exec(stderr)?.[1]]).toEqual([name, ed25519]);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});
