/** The agent as a whole, and each of its roles alone. Needs root on Linux; elsewhere a skip. */
import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AgentSeen } from "../../support/agent-run.ts";
import { mayMount } from "../../support/namespace.ts";

const real = test.skipIf(!mayMount);

/** Serves with these roles until its signal, and gives back what was there. Whatever is left open keeps it from ending. */
async function agentWith(...roles: readonly string[]): Promise<AgentSeen> {
  const tools = await mkdtemp(join(tmpdir(), "qn-agent-"));
  const program = join(import.meta.dir, "../../support/agent-run.ts");
  const apart = ["unshare", "--mount", "--net", "--propagation", "private"];
  const child = Bun.spawn([...apart, process.execPath, program, tools, ...roles], {
    env: { ...process.env, PATH: `${tools}:${process.env["PATH"]}` },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  });
  try {
    return JSON.parse(await child.stdout.text()) as AgentSeen;
  } finally {
    child.kill();
    await rm(tools, { recursive: true, force: true });
  }
}

real("the whole agent has one plugin, which looks after mounts, and the gate", async () => {
  const seen = await agentWith("tmp", "ports");
  expect(seen).toMatchObject({ plugins: { "qn.sock": false }, hasGate: true, hasLogin: true, error: "" });
  expect(seen.firewall).toContain("add element inet qn host_ports { 4711 }");
});

real("the host's files alone have a plugin of their own, and no gate", async () => {
  const seen = await agentWith("tmp");
  expect(seen).toEqual({
    plugins: { "qn-tmp.sock": false },
    hasGate: false,
    hasLogin: true,
    firewall: "",
    error: "",
  });
});

real("the ports alone have a plugin of their own, which lets every mount pass, and the gate", async () => {
  const seen = await agentWith("ports");
  expect(seen).toMatchObject({ plugins: { "qn-ports.sock": true }, hasGate: true, hasLogin: false, error: "" });
  expect(seen.firewall).toContain("add element inet qn host_ports { 4711 }");
});
