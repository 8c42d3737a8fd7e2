/** `qn agent`: hidden; the services in the guest, both roles in one process or one of them. */
import { readFile } from "node:fs/promises";
import { roles, serveGuest } from "../../agent/main.ts";
import { readBoot } from "../../agent/setup/boot.ts";
import { provision } from "../../agent/setup/provision/run.ts";
import { QnError } from "../../base/errors.ts";
import { notifySystemd } from "../../system/kernel/libc.ts";
import { ownArch } from "../../system/platform.ts";
import { defineCommand } from "../command.ts";
import { interruption } from "../terminal/signals.ts";
import { version } from "../version.ts";

export const command = defineCommand({
  args: {
    role: { type: "positional", required: false, description: "ports or tmp, both when left out; or provision" },
  },
  async run({ args }) {
    await runAgent(args.role);
  },
});

// --- internal ---

/**
 * Runs one role, or both that serve, until systemd stops them; `provision` ends by itself. Throws USAGE for an unknown
 * one, AGENT_FAILED outside a guest that qn booted.
 */
async function runAgent(role: string | undefined): Promise<void> {
  if (role === "provision") return await provision(await readBoot());
  const wanted = roles.filter((name) => role === undefined || name === role);
  if (wanted.length === 0) throw new QnError("USAGE", `"${role}" is not a role of the agent: ports, tmp or provision.`);
  const boot = await readBoot();
  const identity = { version, arch: ownArch(), image: await imageName() };
  using stopped = interruption();
  await serveGuest(boot, identity, {
    roles: wanted,
    signal: stopped.signal,
    onReady: () => notifySystemd("READY=1"),
  });
}

/** What the image says it is; the host shows it, nothing depends on it. */
async function imageName(): Promise<string> {
  try {
    const value: unknown = JSON.parse(await readFile("/etc/qn/image.json", "utf8"));
    if (typeof value === "object" && value !== null && "name" in value && "version" in value) {
      return `${String(value.name)} ${String(value.version)}`;
    }
  } catch {
    // An image without the file still works.
  }
  return "unknown";
}
