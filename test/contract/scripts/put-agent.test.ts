/** The guest's side of scripts/agent, with a stand-in for its systemctl. */
import { expect, test } from "bun:test";
import { chmod, readdir } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { run } from "../../../src/system/process.ts";
import { newFolder } from "../../support/folder.ts";

const script = join(import.meta.dir, "../../../scripts/support/put-agent.sh");
/** GNU's tools, as guests have them. */
const onLinux = test.skipIf(process.platform !== "linux");

onLinux("a guest's agent is put together from its own qn and the patch, and started anew", async () => {
  await using guest = await newGuest();
  const outcome = await guest.put("OLD1-bun-bun-", "NEW2", "-new end", "NEW2-bun-bun--new end");
  expect(outcome).toMatchObject({ exitCode: 0, stderr: "" });
  expect(await guest.qn()).toBe("NEW2-bun-bun--new end");
  expect(await guest.restarted()).toBe("restart qn-agent.service qn-ports.service\n");
});

onLinux("a patch for another qn is refused with a status of its own, and nothing is touched", async () => {
  await using guest = await newGuest();
  const outcome = await guest.put("OLD1-cat-cat-", "NEW2", "-new end", "NEW2-bun-bun--new end");
  expect(outcome.exitCode).toBe(10);
  expect(await guest.qn()).toBe("OLD1-cat-cat- old end");
  expect(await guest.restarted()).toBe("");
});

onLinux("a guest that keeps nothing gets the whole", async () => {
  await using guest = await newGuest();
  expect(await guest.put("", "NEW2", "-bun-bun--new end", "NEW2-bun-bun--new end")).toMatchObject({ exitCode: 0 });
  expect(await guest.qn()).toBe("NEW2-bun-bun--new end");
});

onLinux("what breaks off on its way is refused with a sentence, and nothing is touched", async () => {
  await using guest = await newGuest();
  const outcome = await guest.put("OLD1-bun-bun-", "NEW2", "-new end", "NEW2-bun-bun--new end", 25);
  expect(outcome.exitCode).toBe(1);
  expect(outcome.stderr).toEndWith("What the host sent is not whole.\n");
  expect(await guest.qn()).toBe("OLD1-bun-bun- old end");
  expect(await guest.files()).toEqual(["bin", "qn", "units"]);
});

onLinux("a NixOS guest, whose store is read-only, is refused with a sentence that names qn deploy", async () => {
  await using guest = await newGuest("/nix/store/abc-qn/bin/qn");
  const outcome = await guest.put("OLD1-bun-bun-", "NEW2", "-new end", "NEW2-bun-bun--new end");
  expect(outcome.exitCode).toBe(1);
  expect(outcome.stderr).toMatch(/^The guest is NixOS, where \/nix\/store\/abc-qn\/bin\/qn .* qn deploy\.\n$/);
  expect(await guest.restarted()).toBe("");
});

onLinux("a guest without an agent is refused with a sentence", async () => {
  await using guest = await newGuest(null);
  const outcome = await guest.put("OLD1-bun-bun-", "NEW2", "-new end", "NEW2-bun-bun--new end");
  expect(outcome).toMatchObject({ exitCode: 1, stderr: "This guest has no agent of qn's.\n" });
});

/** A folder with a qn and a systemctl that knows two agents and a firewall; `program` stands in the units. */
async function newGuest(program?: string | null) {
  const folder = await newFolder();
  const qn = join(folder.path, "qn");
  const log = join(folder.path, "restarted");
  const agent = (name: string, type: string, path: string): string =>
    `Type=${type}\nExecStart={ path=${path} ; argv[]=${path} agent ; ignore_errors=no }\nId=${name}\n`;
  const notify = ["qn-agent.service", "qn-ports.service"].map((name) => agent(name, "notify", program ?? qn));
  const units = [agent("qn-firewall.service", "oneshot", "/usr/sbin/nft"), ...(program === null ? [] : notify)];
  const systemctl = join(folder.path, "bin/systemctl");
  await Bun.write(join(folder.path, "units"), units.join("\n"));
  await Bun.write(systemctl, `#!/bin/sh\n[ "$1" = show ] && exec cat ${folder.path}/units\necho "$*" >>${log}\n`);
  await chmod(systemctl, 0o755);
  return {
    /** Puts `head` and `tail` around the middle of the guest's qn, which begins with `old`; `whole` is what should come of it. */
    async put(old: string, head: string, tail: string, whole: string, sentBytes?: number) {
      await Bun.write(qn, `${old} old end`);
      const kept = whole.slice(head.length, old.length);
      const hash = new Bun.CryptoHasher("blake2b512").update(kept.slice(0, 5) + kept.slice(-5)).digest("hex");
      return await run(["sh", script, `${old.length}`, `${head.length}`, "5", hash], {
        stdin: gzipSync(head + tail).subarray(0, sentBytes),
        env: { PATH: `${folder.path}/bin:${process.env["PATH"] ?? ""}` },
      });
    },
    qn: () => Bun.file(qn).text(),
    files: async () => (await readdir(folder.path)).toSorted(),
    restarted: async () => ((await Bun.file(log).exists()) ? await Bun.file(log).text() : ""),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}
