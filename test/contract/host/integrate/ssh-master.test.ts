/** Sharing one connection to the guest: what the real ssh reads of it, who makes it, and that none is left. */
import { expect, test } from "bun:test";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { renderSharing, renderSshConfig } from "../../../../src/host/integrate/ssh-config.ts";
import { dismissMasters, shareMaster, unsharedWords } from "../../../../src/host/integrate/ssh-master.ts";
import { layoutOf, sshMasterSocket, type VmPaths } from "../../../../src/host/layout.ts";
import { listen } from "../../../../src/system/net/connection.ts";
import { isThere } from "../../../../src/system/files.ts";
import { ownUser } from "../../../../src/system/own-user.ts";
import { run } from "../../../../src/system/process.ts";

/** A VM's folder in a home of this name. */
async function withVm(name: string, action: (paths: VmPaths) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "qn-"));
  const paths = layoutOf(join(folder, name)).vm("web");
  await mkdir(paths.folder, { recursive: true });
  try {
    await action(paths);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** What ssh makes of its words: its settings about masters. */
async function controlsOf(words: readonly string[]): Promise<Record<string, string>> {
  const { stdout, stderr } = await run(["ssh", "-G", "-T", ...words]);
  expect(stderr).toBe("");
  return Object.fromEntries([...stdout.matchAll(/^(control\w+) (.*)$/gm)].map(([, key, value]) => [key, value]));
}

test("ssh shares the login user's connection alone, whatever letters QN_HOME has", async () => {
  for (const name of ["plain", "two words", "100%d", "a*b", 'quo"te', "back\\slash", "ünï"]) {
    await withVm(name, async (paths) => {
      // Whoever runs this stands for the user, whom ssh compares by the name.
      const sharing = renderSharing(paths, "ann").replace("localuser ann", `localuser ${ownUser().name}`);
      await writeFile(paths.sshConfig, renderSshConfig(paths, 40_022, "ann") + sharing);
      const controls = (host: string) => controlsOf(["-F", paths.sshConfig, host]);
      const socket = sshMasterSocket(paths, "user") ?? "";
      expect(await controls("qn-web")).toEqual({ controlmaster: "auto", controlpersist: "600", controlpath: socket });
      expect(await controls("ann@qn-web")).toHaveProperty("controlpath", socket);
      for (const other of ["root@qn-web", "bob@qn-web", "qn-other", "127.0.0.1"]) {
        expect(await controls(other)).toEqual({ controlmaster: "false", controlpersist: "no" });
      }
      using shared = await shareMaster(paths, "root");
      const own = await controlsOf(["-F", paths.sshConfig, ...shared.words, "root@qn-web"]);
      expect(own).toEqual({
        controlmaster: "auto",
        controlpersist: "600",
        controlpath: sshMasterSocket(paths, "root") ?? "",
      });
    });
  }
});

test("while one command makes the connection others have their own, and share it once it is there", async () => {
  await withVm("home", async (paths) => {
    const socket = sshMasterSocket(paths, "user") ?? "";
    const first = await shareMaster(paths, "user");
    expect(first.words).toContain(socket);
    {
      using second = await shareMaster(paths, "user");
      expect(second.words).toEqual(unsharedWords);
      using root = await shareMaster(paths, "root");
      expect(root.words).toContain(sshMasterSocket(paths, "root") ?? "");
      // One that nobody listens at is that of a master that was killed.
      await writeFile(socket, "");
      using third = await shareMaster(paths, "user");
      expect(third.words).toEqual(unsharedWords);
      await rm(socket);
      const master = listen({ unix: socket }, () => {});
      using fourth = await shareMaster(paths, "user");
      expect(fourth.words).toEqual(first.words);
      master.closeAll();
    }
    await rm(socket, { force: true });
    first[Symbol.dispose]();
    using next = await shareMaster(paths, "user");
    expect(next.words).toEqual(first.words);
  });
});

test("a home that is too long for the socket is without a shared connection", async () => {
  await withVm("h".repeat(69 - tmpdir().length), async (paths) => {
    using shared = await shareMaster(paths, "user");
    expect([shared.words, renderSharing(paths, "ann")]).toEqual([unsharedWords, ""]);
    await dismissMasters(paths);
  });
});

test("masters are told to stop, and their sockets go, also those that nobody listens at or answers on", async () => {
  await withVm("100%d", async (paths) => {
    const [user = "", root = ""] = (["user", "root"] as const).map((login) => sshMasterSocket(paths, login));
    let callers = 0;
    const rude = listen({ unix: user }, (connection) => {
      callers += 1;
      connection.reset();
    });
    await writeFile(root, "");
    await dismissMasters(paths);
    rude.close();
    expect([callers, await isThere(user), await isThere(root)]).toEqual([1, false, false]);
    await dismissMasters(paths);
  });
});
