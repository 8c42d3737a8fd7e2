/** The guest's firewall by its own file, in networks of the kernel's: who reaches which door, a forged sender too. */
import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../../../../src/system/process.ts";
import { repository } from "../../../support/program.ts";

/** A port of the host that nothing in the guest may dial, as the gate's. */
const hidden = "4001";

/** The rules as older versions of nft take them too: they know of no name for that priority of a chain for what goes out. */
const text = await Bun.file(join(repository, "guest/nftables.conf")).text();
const rules = text.replaceAll(
  /priority dstnat ([+-] \d+)/g,
  (_, by: string) => `priority ${-100 + Number(by.replace(" ", ""))}`,
);
const mayFilter =
  Bun.spawnSync(["unshare", "--net", "nft", "-f", "-"], { stdin: Buffer.from(rules) }).exitCode === 0 &&
  Bun.spawnSync(["unshare", "--net", "ip", "link", "add", "one", "type", "veth", "peer", "name", "two"]).exitCode === 0;

test.skipIf(!mayFilter)(
  "gate and sshd answer the host alone; of the host nothing in the guest dials a VM's gate or sshd, nor more of its resolver than DNS",
  async () => {
    const folder = await mkdtemp("/tmp/qn-firewall-");
    try {
      await Bun.write(join(folder, "rules"), rules);
      const script = join(repository, "test/support/guest-networks.sh");
      const command = ["unshare", "--net", script, join(folder, "rules"), process.execPath, hidden];
      const { stdout, stderr, exitCode } = await run(command);
      expect([exitCode, stderr]).toEqual([0, ""]);
      const lines = stdout.trim().split("\n").toSorted();
      // Both doors drop what only calls itself the host, before TCP sees it; what is open to all does not.
      expect(
        lines.filter((line) => line.startsWith("forged")).map((line) => line.replace(/ [1-9]\d*$/, " some")),
      ).toEqual(["forged 1021 0", "forged 1022 0", "forged 1023 some"]);
      expect(lines.filter((line) => !line.startsWith("forged"))).toEqual([
        "container 10.0.2.15 1023",
        "container 10.0.2.2 20047",
        "container 10.0.2.2 4002",
        "container 10.0.2.3 53",
        // What nobody listens to at its gateway is the host's, and of that not all.
        "container 172.17.0.1 4002",
        "guest 10.0.2.15 1023",
        "guest 10.0.2.2 20047",
        "guest 10.0.2.2 4002",
        "guest 10.0.2.3 53",
        "host 10.0.2.15 1021",
        "host 10.0.2.15 1022",
        "host 10.0.2.15 1023",
        "host 10.0.2.2 20047",
        "host 10.0.2.2 20048",
        "host 10.0.2.2 20479",
        "host 10.0.2.2 4001",
        "host 10.0.2.2 4002",
        "host 10.0.2.3 53",
        "host 10.0.2.3 853",
        "host 172.17.0.1 1021",
        "host 172.17.0.1 1022",
      ]);
    } finally {
      await rm(folder, { recursive: true });
    }
  },
);
