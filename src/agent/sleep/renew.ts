/** Makes a guest that goes on from a template's memory another one than all others that go on from it. */
import { createHash } from "node:crypto";
import { messageOf } from "../../base/errors.ts";
import type { Boot, HostMessage } from "../../protocol/messages.ts";
import { writeFileAtomically } from "../../system/files.ts";
import { stirRandomness } from "../../system/kernel/libc.ts";
import { run } from "../../system/process.ts";
import { forgetShareDevices } from "../changes/inode-pins.ts";
import { mountShares } from "../files/shares.ts";
import { hideHostPorts } from "../setup/firewall.ts";
import { provideLogin } from "../setup/login.ts";

/**
 * Takes what the host says in the place of what it said at boot: secret, ports, keys of ssh, folders; and has a number
 * of its own (machine-id(5)) and other random numbers. The network card keeps its address, since no two copies are in
 * one network. Throws AGENT_FAILED and the system's errors.
 */
export async function renew(
  boot: Boot,
  { boot: next, seed }: Extract<HostMessage, { type: "renew" }>,
  onTrouble: (text: string) => void,
): Promise<void> {
  stirRandomness(Buffer.from(seed, "hex"));
  // All of the agent have this one object, and this one list in it.
  const { shares } = boot;
  shares.splice(0, shares.length, ...next.shares);
  Object.assign(boot, next, { shares });
  await Promise.all([provideLogin(boot), hideHostPorts(boot.hostPorts)]);
  forgetShareDevices();
  await mountShares(boot);
  // Nobody waits for what follows.
  void startAnew(seed).catch((error: unknown) => onTrouble(messageOf(error)));
}

// --- internal ---

/** A number that is not of this process's own generator, whose state all copies have; and who has read the old one. */
async function startAnew(seed: string): Promise<void> {
  const number = createHash("sha256").update(`machine-id ${seed}`).digest("hex").slice(0, 32);
  await writeFileAtomically("/etc/machine-id", `${number}\n`, 0o444);
  // sshd has its key since it was started. Of the two names of its service one is there.
  await run(["systemctl", "--no-block", "try-restart", "ssh.service", "sshd.service", "systemd-journald.service"]);
}
