/** A guest that makes itself the system of a flake at its first start, with systems shaped like NixOS'. */
import { expect } from "bun:test";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { repository } from "../support/program.ts";
import { inGuest, installFirstBoot, installSystems, rebuildHold, systemsNow } from "../support/stand-in-nixos.ts";
import { bootVm, testWithVm, type Vm } from "../support/vm.ts";

/** The flake is in no share of the VM's, as one in /etc or in the Nix store is: the guest sees it aside. */
const flakeOf = (vm: Vm): string => join(vm.inTmp, "machines");
const seen = "path:/run/qn/machines";
const boot = `boot --flake ${seen}#second --no-write-lock-file`;

/** A start, a reboot and what is between them, on a machine that emulates other guests too. */
const limitMs = 900_000;

const test = testWithVm(async () => {
  const vm = await bootVm();
  await installSystems(vm.folder);
  const guest = (path: string) => readFile(join(repository, "guest", path), "utf8");
  await installFirstBoot(vm.folder, await guest("units/qn-specialise.service"), await guest("specialise.sh"));
  await mkdir(flakeOf(vm));
  await writeFile(join(flakeOf(vm), "flake.nix"), "# the first\n");
  return vm;
});

/** The names that nixos-rebuild was called with, and how often the guest has booted. */
async function history(vm: Vm): Promise<{ rebuilt: readonly string[]; boots: number }> {
  const said = await inGuest(
    vm.folder,
    "cat /var/lib/systems/rebuilt 2>/dev/null || true; echo ===; cat /var/lib/systems/boots-count",
  );
  const [rebuilt = "", boots = ""] = said.split("===");
  return { rebuilt: rebuilt.trim().split("\n").filter(Boolean), boots: Number(boots.trim()) };
}

test(
  "the guest is the flake's system when `qn up` returns, after one reboot and never in a loop, and shows what is built",
  async (vm) => {
    await vm.qn("config", "set", `flake=${flakeOf(vm)}#second`);
    const before = (await history(vm)).boots;
    await inGuest(vm.folder, `mkfifo ${rebuildHold}`);
    await using restart = vm.converse(["qn", "restart"], { errors: "only" });
    const lineWith = async (words: string): Promise<string> => {
      for (;;) {
        const line = await restart.nextLine(limitMs);
        if (line.includes(words)) return line;
      }
    };
    await lineWith(`waiting until the guest is ${flakeOf(vm)}#second`);
    // It is still being built, and goes on when the line was seen; what Nix says in colour is plain.
    expect(await lineWith("building")).toBe("  building '/nix/store/nixos-system-second.drv'...");
    await inGuest(vm.folder, `echo > ${rebuildHold}; rm ${rebuildHold}`);
    await lineWith("the guest starts anew");
    await lineWith('VM "default" is up');
    expect(await restart.end()).toBe(0);
    expect(await systemsNow(vm.folder)).toMatchObject({ runs: "second", boots: "second", profile: "second" });
    expect(await vm.docker("run", "--rm", "busybox", "echo", "well")).toBe("well");
    // One start, and one reboot.
    expect(await history(vm)).toEqual({ rebuilt: [boot], boots: before + 2 });
  },
  limitMs,
);

test(
  "the same flake is not built again, another content is",
  async (vm) => {
    const before = (await history(vm)).boots;
    await vm.qn("restart");
    expect(await history(vm)).toEqual({ rebuilt: [boot], boots: before + 1 });
    await writeFile(join(flakeOf(vm), "flake.nix"), "# the second\n");
    await vm.qn("restart");
    // It comes out as the system that runs already: no reboot.
    expect(await history(vm)).toEqual({ rebuilt: [boot, boot], boots: before + 2 });
  },
  limitMs,
);

test(
  "a flake that cannot be built leaves the guest as it is, and says why",
  async (vm) => {
    await vm.qn("config", "set", `flake=${flakeOf(vm)}#nowhere`);
    await vm.qn("down");
    const { exitCode, stderr } = await vm.fail(["qn", "up"]);
    expect([exitCode, stderr]).toEqual([64, expect.stringContaining("\n  error: flake has no nowhere\n")]);
    // Another try in a guest that runs: it shows this one's lines alone.
    const again = await vm.fail(["qn", "up"]);
    expect(again.exitCode).toBe(64);
    const [shown = "", reason = ""] = again.stderr.split("[SPECIALISE_FAILED]");
    for (const part of [shown, reason]) expect(part.match(/building '/g)).toHaveLength(1);
    expect(await systemsNow(vm.folder)).toMatchObject({ runs: "second", boots: "second" });
    expect((await vm.status()).state).toBe("running");
  },
  limitMs,
);
