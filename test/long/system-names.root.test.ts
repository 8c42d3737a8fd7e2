/** Users of this machine whose names the guest has for parts of its own system. For root, who can be any of them. */
import { expect, test } from "bun:test";
import { chmod, chown, copyFile, mkdir, mkdtemp, realpath, rename, rm, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { succeed } from "../../scripts/support/succeed.ts";
import { copyWhole } from "../../scripts/testing/copy-whole.ts";
import { ownArch } from "../../src/system/platform.ts";
import { qnProgram } from "../support/program.ts";
import { sharedImages } from "../support/temp-home.ts";
import { bootArgs } from "../support/vm.ts";

/** Such a user with a home folder of their own, where the machine gives them none that they may write to. */
type SystemUser = AsyncDisposable & {
  readonly home: string;
  readonly uid: number;
  readonly gid: number;
  qn(...words: readonly string[]): Promise<string>;
};

async function systemUser(name: string): Promise<SystemUser> {
  const [, , uid = 0, gid = 0] = (await succeed(["getent", "passwd", name])).split(":").map(Number);
  const home = await mkdtemp("/home/qn-");
  const program = join(home, "qn");
  await copyFile(qnProgram, program);
  await chmod(program, 0o755);
  const images = join(home, ".qn/_images");
  const image = `debian-${ownArch()}`;
  const source = await realpath(join(sharedImages, image));
  await mkdir(images, { recursive: true });
  await copyWhole(source, images);
  await rename(join(images, basename(source)), join(images, image));
  for (const folder of [home, join(home, ".qn"), images, join(images, image)]) await chown(folder, uid, gid);
  // The files may be those of every test, and stay root's.
  const become = ["setpriv", `--reuid=${uid}`, `--regid=${gid}`, "--init-groups", "--reset-env", "env", `HOME=${home}`];
  const qn = (...words: readonly string[]): Promise<string> => succeed([...become, program, ...words], { cwd: home });
  return {
    home,
    uid,
    gid,
    qn,
    async [Symbol.asyncDispose]() {
      await qn("delete", "--force", "--data");
      await rm(home, { recursive: true, force: true });
    },
  };
}

for (const name of ["www-data", "mail"]) {
  test.skipIf(process.getuid?.() !== 0)(
    `the host's ${name} logs in to a guest with a ${name} of its own, as themselves, also when it has started again`,
    async () => {
      await using user = await systemUser(name);
      await user.qn("up", ...bootArgs);
      const look = "id -un; id -u; id -g; id -Gn | tr ' ' '\\n' | grep -x docker; sudo -n id -u; echo in >$0; cat $0";
      const file = join(user.home, "file");
      const seen = `${name}\n${user.uid}\n${user.gid}\ndocker\n0\nin`;
      expect((await user.qn("ssh", "--", "sh", "-c", look, file)).trim()).toBe(seen);
      expect(await stat(file)).toMatchObject({ uid: user.uid, gid: user.gid });
      await user.qn("restart");
      expect((await user.qn("shell", "--", "sh", "-c", look, file)).trim()).toBe(seen);
      await user.qn("cp", file, "default:there");
      expect((await user.qn("ssh", "--", "sh", "-c", "cat ~/there")).trim()).toBe("in");
    },
    900_000,
  );
}
