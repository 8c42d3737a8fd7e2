/** The one connection to the guest that ssh, cp and editors share. */
import { expect } from "bun:test";
import { join } from "node:path";
import { kill9 } from "../../support/processes.ts";
import type { Vm, VmTest } from "../../support/vm.ts";

/** What tells one connection from another: the port that it comes from. */
const whichOne = "printenv SSH_CONNECTION";

const plainSsh = (vm: Vm): string[] => ["ssh", "-F", join(vm.folder, "ssh_config")];

/** The process that keeps the connection. */
async function masterPid(vm: Vm): Promise<number> {
  const ask = ["sh", "-c", `ssh -S '${join(vm.folder, "ssh.sock")}' -O check qn-default 2>&1`];
  return Number(/pid=(\d+)/.exec(await vm.succeed(ask))?.[1]);
}

/** Whoever shares it, whoever does not, and what is left when it is broken off. */
export function sshTests(test: VmTest): void {
  test("the guest has started with its image's own kernel, which on Intel needs no firmware", async (vm) => {
    const name = await vm.qn("ssh", "--", "uname", "-m");
    const firmware = await vm.qn("ssh", "--", "ls", "/sys/firmware");
    expect(firmware.includes("efi")).toBe(name !== "x86_64");
  });

  // The output of each is a pipe here, which the process that keeps the connection must not hold.
  test("a second ssh makes no connection of its own, nor do cp and editors", async (vm) => {
    const first = await vm.qn("ssh", "--", "sh", "-c", whichOne);
    const accepted = (): Promise<string> =>
      vm.qn("ssh", "--", "sh", "-c", "sudo journalctl -b -u ssh | grep -c Accepted");
    const before = await accepted();
    expect(await vm.qn("ssh", "--", "sh", "-c", whichOne)).toBe(first);
    await vm.qn("cp", "default:/etc/hostname", join(vm.inTmp, "hostname"));
    await vm.qn("cp", join(vm.inTmp, "hostname"), "default:/var/tmp/");
    // The configuration shares nothing of root's, and so nothing where root is the user.
    const isRoot = (await vm.succeed(["id", "-un"])) === "root";
    if (!isRoot) expect(await vm.succeed([...plainSsh(vm), "qn-default", whichOne])).toBe(first);
    expect(await accepted()).toBe(before);
    expect(await vm.succeed([...plainSsh(vm), "root@qn-default", whichOne])).not.toBe(first);
  });

  test("a connection whose keeper was killed is made anew, by several at once without a word", async (vm) => {
    await vm.qn("ssh", "--", "true");
    await kill9(await masterPid(vm));
    const all = await Promise.all([1, 2, 3].map(() => vm.fail(["qn", "ssh", "--", "sh", "-c", "cat; exit 7"])));
    expect(all).toEqual(all.map(() => ({ exitCode: 7, stdout: "", stderr: "" })));
    const again = await vm.qn("ssh", "--", "sh", "-c", whichOne);
    expect(await vm.qn("ssh", "--", "sh", "-c", whichOne)).toBe(again);
  });
}
