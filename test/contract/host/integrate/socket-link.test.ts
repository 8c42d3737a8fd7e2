/** Docker's usual socket path as a link, with real sockets at another place. */
import { expect, test } from "bun:test";
import { mkdir, readlink, symlink, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import {
  linkSocket,
  lookAtSocket,
  describeSocket,
  unlinkSocket,
} from "../../../../src/host/integrate/docker/socket-link.ts";
import { layoutOf } from "../../../../src/host/layout.ts";
import { failureOf } from "../../../support/failures.ts";
import { tempHome } from "../../../support/temp-home.ts";

/** A QN_HOME with a VM that answers, and a folder in the place of /var/run. */
async function place() {
  const home = await tempHome({ images: false });
  const layout = layoutOf(join(home.path, "qn"));
  const vm = layout.vm("default");
  const run = join(home.path, "run");
  await Promise.all([mkdir(vm.folder, { recursive: true }), mkdir(run)]);
  const servers: Server[] = [];
  const serve = async (path: string): Promise<Server> => {
    const server = createServer((socket) => socket.end());
    await new Promise<void>((resolve) => server.listen(path, resolve));
    servers.push(server);
    return server;
  };
  await serve(vm.dockerSocket);
  const path = join(run, "docker.sock");
  return {
    layout,
    vm,
    run,
    path,
    serve,
    words: async () => describeSocket(await lookAtSocket(layout, path)).replaceAll(home.path, "~"),
    refusal: async (action: () => Promise<unknown>) => {
      const { code, message } = await failureOf(action);
      return `${code}: ${message.replaceAll(home.path, "~")}`;
    },
    async [Symbol.asyncDispose]() {
      for (const server of servers) server.close();
      await home[Symbol.asyncDispose]();
    },
  };
}

test("the link is made, says whose it is, moves to another VM, and goes", async () => {
  await using at = await place();
  expect(await at.words()).toBe("~/run/docker.sock is not there");
  expect([await linkSocket(at.layout, at.vm, at.path), await linkSocket(at.layout, at.vm, at.path)]).toEqual([
    true,
    false,
  ]);
  expect([await readlink(at.path), await at.words()]).toEqual([
    at.vm.dockerSocket,
    '~/run/docker.sock leads to the VM "default", where somebody answers',
  ]);
  expect(await linkSocket(at.layout, at.layout.vm("web"), at.path)).toBe(true);
  expect(await at.words()).toBe('~/run/docker.sock leads to the VM "web", where nobody answers');
  expect([await unlinkSocket(at.layout, at.path), await unlinkSocket(at.layout, at.path)]).toEqual([true, false]);
});

test("a daemon that answers keeps its socket, behind a link too", async () => {
  await using at = await place();
  await at.serve(at.path);
  const taken = "SOCKET_TAKEN: ~/run/docker.sock is a socket of another program, where somebody answers; it";
  expect(await at.refusal(() => linkSocket(at.layout, at.vm, at.path))).toBe(`${taken} stays as it is.`);
  expect(await at.refusal(() => unlinkSocket(at.layout, at.path))).toBe(`${taken} is not qn's to remove.`);
  const link = join(at.run, "link.sock");
  await symlink("docker.sock", link);
  expect(await at.refusal(() => linkSocket(at.layout, at.vm, link))).toBe(
    "SOCKET_TAKEN: ~/run/link.sock leads to ~/run/docker.sock, where somebody answers; it stays as it is.",
  );
});

test("what nobody answers at gives way, but never a file", async () => {
  await using at = await place();
  await symlink("/nowhere/docker.sock", at.path);
  expect(await linkSocket(at.layout, at.vm, at.path)).toBe(true);
  const file = join(at.run, "file");
  await writeFile(file, "mine");
  expect(await at.refusal(() => linkSocket(at.layout, at.vm, file))).toBe(
    "SOCKET_TAKEN: ~/run/file is neither a socket nor a link; it stays as it is.",
  );
});

/** A folder where not even root may make anything. */
const forbidden = "/sys/docker.sock";

test.skipIf(process.platform !== "linux")("without the right, the command that has it is shown", async () => {
  await using at = await place();
  const error: unknown = await linkSocket(at.layout, at.vm, forbidden).catch((reason: unknown) => reason);
  expect(error).toMatchObject({
    code: "NOT_PERMITTED",
    hint: `Run: sudo ln -sfn ${at.vm.dockerSocket} ${forbidden}`,
  });
});
