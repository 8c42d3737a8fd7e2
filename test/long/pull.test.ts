/**
 * What whoever downloads qn has: the program alone in a folder, an empty QN_HOME, an empty home folder, and a server with a
 * release's files; nothing of this repository. One `qn up` later a container runs, on a guest of this machine's architecture
 * and of the other one.
 */
import { expect, test } from "bun:test";
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { makeRelease } from "../../scripts/support/release/images.ts";
import { arches } from "../../src/base/words.ts";
import { isThere } from "../../src/system/files.ts";
import { busyboxArchive } from "../support/busybox.ts";
import { copyPrograms, dockerProgram, qnProgram, repository } from "../support/program.ts";
import { newKeyPair } from "../support/released-image.ts";
import { releaseServer } from "../support/release-server.ts";
import { sharedImages } from "../support/temp-home.ts";
import { bootArgs, unbornVm } from "../support/vm.ts";

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
      const made = await makeRelease(release, {
        images: [image],
        keys: [keys.privatePem],
        minQn: "0.1.0",
        signedAtMs: 1,
        zstd,
      });
      await using server = await releaseServer(release);
      const key = join(vm.inTmp, "key.pem");
      await writeFile(key, keys.publicPem);
      const alone = join(vm.inTmp, "alone");
      await copyPrograms(alone, { qn: qnProgram });
      const dockersFolder = join(vm.inTmp, "docker");
      await copyPrograms(dockersFolder, { docker: dockerProgram() });
      const packed = join(vm.inTmp, "packed");
      await mkdir(packed);
      const archive = await busyboxArchive(packed);
      const env = {
        HOME: vm.inHome,
        PATH: `${dockersFolder}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
        QN_HOME: vm.home,
        QN_IMAGE_URL: server.base,
        QN_IMAGE_KEY: key,
        NO_PROXY: "localhost,127.0.0.1,::1",
      };
      expect([JSON.stringify(env).includes(repository), await readdir(vm.home), await readdir(vm.inHome)]).toEqual([
        false,
        [],
        [],
      ]);
      const bare = ["env", "-i", ...Object.entries(env).map(([name, value]) => `${name}=${value}`)];
      const succeed = (...words: readonly string[]) => vm.succeed([...bare, ...words], { cwd: alone });
      try {
        await succeed(join(alone, "qn"), "up", "--arch", arch, ...bootArgs);
        await succeed("docker", "import", "--change", "ENV PATH=/bin", archive, "busybox");
        // busybox is this machine's own: `uname` would name what the guest's emulators stand in for.
        const command = ["cat", "/proc/sys/kernel/arch"];
        expect(await succeed("docker", "run", "--rm", "busybox", ...command)).toBe(arch);
      } catch (error) {
        console.log(await vm.diagnosis());
        throw error;
      }
      const downloads = made.images.flatMap(({ files }) => files.map(({ download }) => download.name));
      expect([await readdir(alone), server.seen.map(({ path }) => path).toSorted()]).toEqual([
        ["qn"],
        downloads.toSorted(),
      ]);
      expect((await readdir(join(vm.home, "_images"))).filter((name) => !name.startsWith("sha256-"))).toEqual([
        `debian-${arch}`,
      ]);
      await rm(release, { recursive: true });
    },
    limitMs,
  );
}
