/**
 * What whoever downloads qn has: the program alone in a folder, an empty QN_HOME, and a server with a release's files. One
 * `qn up` later a container runs, on a guest of this machine's architecture and of the other one.
 */
import { expect, test } from "bun:test";
import { chmod, copyFile, mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { makeRelease } from "../../scripts/support/release/images.ts";
import { arches } from "../../src/base/words.ts";
import { isThere } from "../../src/system/files.ts";
import { qnProgram } from "../support/program.ts";
import { newKeyPair } from "../support/released-image.ts";
import { releaseServer } from "../support/release-server.ts";
import { sharedImages } from "../support/temp-home.ts";
import { bootArgs, giveBusybox, runPlain, unbornVm } from "../support/vm.ts";

const limitMs = 900_000;

for (const arch of arches) {
  const image = join(sharedImages, `debian-${arch}`);
  test.skipIf(!(await isThere(join(image, "disk.qcow2"))))(
    `the program alone, and a server with a release: qn up to docker run on ${arch}`,
    async () => {
      await using vm = await unbornVm({ images: false });
      const keys = newKeyPair();
      const release = join(vm.inTmp, "release");
      const zstd = { level: 1, windowLog: 20 };
      await makeRelease(release, { images: [image], keys: [keys.privatePem], minQn: "0.1.0", signedAtMs: 1, zstd });
      await using server = await releaseServer(release);
      const alone = join(vm.inTmp, "alone");
      await mkdir(alone);
      const program = join(alone, "qn");
      await copyFile(qnProgram, program);
      await chmod(program, 0o755);
      const key = join(vm.inTmp, "key.pem");
      await writeFile(key, keys.publicPem);
      const config = { imageUrl: server.base, imageKey: key, arch };
      await writeFile(join(vm.home, "config.yaml"), Bun.YAML.stringify(config));
      try {
        await vm.succeed([program, "up", ...bootArgs], { cwd: alone });
        await giveBusybox(vm);
        expect(await vm.docker(...runPlain, "--rm", "busybox", "uname", "-m")).toBe(arch);
      } catch (error) {
        console.log(await vm.diagnosis());
        throw error;
      }
      expect([await readdir(alone), server.seen.length]).toEqual([["qn"], 1]);
      expect((await readdir(join(vm.home, "_images"))).filter((name) => !name.startsWith("sha256-"))).toEqual([
        `debian-${arch}`,
      ]);
      await rm(release, { recursive: true });
    },
    limitMs,
  );
}
