/**
 * A fresh Debian and a fresh user, who has curl and nothing else: install.sh, what it says is missing, `qn up`, a container,
 * an upgrade beside it. Root makes the Debian, in a folder, with mmdebstrap; its packages come from this machine's mirror.
 */
import { expect, test } from "bun:test";
import { chmod, copyFile, mkdir, mkdtemp, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { writeContents } from "../../scripts/support/release/contents.ts";
import { makeRelease } from "../../scripts/support/release/images.ts";
import { version } from "../../src/cli/version.ts";
import { installLines } from "../../src/host/qemu/packages.ts";
import { isThere } from "../../src/system/files.ts";
import { ownArch } from "../../src/system/platform.ts";
import { findProgram } from "../../src/system/process.ts";
import { busyboxArchive } from "../support/busybox.ts";
import { qnProgram, repository, runProgram } from "../support/program.ts";
import { newReleases, standIn } from "../support/program-release.ts";
import { newKeyPair } from "../support/released-image.ts";
import { releaseServer } from "../support/release-server.ts";
import { sharedImages } from "../support/temp-home.ts";

const image = join(sharedImages, `debian-${ownArch()}`);
const lacks = !(await isThere(join(image, "disk.qcow2"))) || findProgram("mmdebstrap") === undefined;

/** What the test does in the Debian: as root or as the user, with what the script says and prints. */
type Debian = AsyncDisposable & {
  readonly folder: string;
  run(user: "root" | "ann", script: string): Promise<string>;
};

test.skipIf(lacks)(
  "install.sh on a fresh Debian: what it says to install is all that is missing for qn up and docker run",
  async () => {
    await using debian = await freshDebian();
    const home = join(debian.folder, "home/ann");
    const inside = (path: string) => path.slice(debian.folder.length);
    const releases = await newReleases(join(home, "releases"));
    await releases.add(version, await ownFiles(join(home, "pages")));
    const keys = newKeyPair();
    const zstd = { level: 1, windowLog: 20 };
    const imageRelease = join(home, "images");
    await makeRelease(imageRelease, { images: [image], keys: [keys.privatePem], minQn: "0.1.0", signedAtMs: 1, zstd });
    await writeFile(join(home, "images.pem"), keys.publicPem);
    await copyFile(join(repository, "install.sh"), join(releases.folder, "install.sh"));
    await copyFile(await busyboxArchive(join(debian.folder, "tmp")), join(home, "busybox.tar"));
    await debian.run("root", "chown -R ann /home/ann; chmod 666 /dev/kvm 2>/dev/null || :");
    await using server = await releaseServer(releases.folder);

    const env = `export QN_INSTALL_URL=${server.base} QN_INSTALL_KEY=${inside(releases.keyFile)}`;
    const said = await debian.run("ann", `${env}; curl -fsSL ${server.base}install.sh | sh`);
    expect(said).toContain(`qn ${version} is installed: /home/ann/.local/bin/qn\n`);
    expect(said).toContain(`echo 'export PATH="/home/ann/.local/bin:$PATH"' >> ~/.bashrc`);
    const line = installLines["apt-get"]?.[ownArch()] ?? "";
    expect(said).toContain(`QEMU is not in PATH. To install it:\n  ${line}\n`);
    const qn = "export PATH=/home/ann/.local/bin:$PATH QN_IMAGE_URL=/home/ann/images QN_IMAGE_KEY=/home/ann/images.pem";
    expect(await debian.run("ann", `${qn}; qn doctor || :`)).toContain(`Run: ${line}`);
    const packages = line.replace("sudo apt-get install", "").trim();
    await debian.run(
      "root",
      `apt-get -qq update; DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes ${packages} docker-cli`,
    );

    // One shell: what it has started ends with it.
    await releases.add("99.0.0", { "bin/qn": nextProgram });
    const life = await debian.run(
      "ann",
      `${qn}; ${env}; set -x
       qn doctor || :
       qn up --cpus 2 --memory 1536
       docker import --change 'ENV PATH=/bin' busybox.tar busybox
       docker run --rm busybox echo hello from a container
       docker run --detach --name web --publish 8973:80 busybox httpd -f -p 80 -h /www
       curl -fsS localhost:8973
       qn upgrade --check || echo status $?
       qn upgrade
       qn --version
       curl -fsS localhost:8973
       qn mounts
       echo from the host > news
       docker run --detach --name keeper --volume /home/ann:/shared busybox sh -c 'exec 3< /shared/news; n=0; while sleep 0.2; do n=$((n + 1)); echo $n > /tmp/n; done'
       docker exec keeper sh -c 'cat /shared/news; echo from the container > /shared/new && mv /shared/new /shared/news; cat /shared/news'
       cat news
       before=$(docker exec web sh -c 'echo $PPID; cat /proc/1/stat | cut -d" " -f22')
       qn down --suspend
       qn status | cat
       qn up
       curl -fsS localhost:8973
       test "$before" = "$(docker exec web sh -c 'echo $PPID; cat /proc/1/stat | cut -d" " -f22')" && echo the web server went on
       docker exec keeper cat /shared/news
       qn run --cpus 2 --memory 1G -- docker version --format 'a throw-away {{.Server.Os}}'
       qn down
       sh releases/install.sh --uninstall`,
    );
    console.log(life);
    expect(life).toContain("hello from a container\n");
    expect(life.match(/^hello from the guest$/gm)).toHaveLength(3);
    expect(life).toContain("virtiofs");
    expect(life.match(/^from the host$/gm)).toHaveLength(1);
    expect(life.match(/^from the container$/gm)).toHaveLength(3);
    expect(life).toContain("the web server went on\n");
    expect(life).toContain("a throw-away linux\n");
    expect(life).toContain("status 2\n");
    expect(life).toContain("This is qn 99.0.0 now");
    expect(life).toContain(`99.0.0 (a stand-in)\n`);
    expect(life).toContain('The VM "default" runs on with the qn that started it');
    expect(life).toContain('VM "default" has shut down.');
    expect(life).toContain("VMs stay");
    expect(await isThere(join(home, ".local/bin/qn"))).toBe(false);
  },
  2_700_000,
);

/** A newer qn that is the one before it, but for its version and what goes with a program. */
const nextProgram = standIn("99.0.0").replace(
  "#!/bin/sh",
  `#!/bin/sh
case "$1" in --version | man | completion) ;; *) exec "$(dirname "$0")/qn.previous" "$@" ;; esac`,
);

/** What an archive has of this tree's program. */
async function ownFiles(folder: string): Promise<Record<string, Uint8Array>> {
  await writeContents(folder, { root: repository, program: qnProgram, notices: "" });
  const names = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  const paths = names.map((entry) => join(entry.parentPath, entry.name));
  const read = paths.map(async (path) => [path.slice(folder.length + 1), await readFile(path)] as const);
  return Object.fromEntries(await Promise.all(read));
}

async function freshDebian(): Promise<Debian> {
  const folder = await mkdtemp("/var/tmp/qn-debian-");
  const has = "--include=curl,ca-certificates,openssl,passwd";
  await succeed(["mmdebstrap", "--variant=apt", has, "trixie", folder]);
  await chmod(folder, 0o755);
  // A mirror that this machine is set up for, and its way there.
  const { stdout } = await runProgram(["apt-config", "dump"]);
  const ways = stdout.split("\n").filter((line) => line.startsWith("Acquire::") && !line.includes("::Languages"));
  await writeFile(join(folder, "etc/apt/apt.conf.d/99way"), `${ways.join("\n")}\n`);
  await copyFile("/etc/resolv.conf", join(folder, "etc/resolv.conf"));
  await mkdir(join(folder, "tmp"), { recursive: true });
  const debian: Debian = {
    folder,
    async run(user, script) {
      const enter = [
        'mount --rbind /dev "$0/dev"',
        'mount -t proc proc "$0/proc"',
        'mount -t sysfs sys "$0/sys"',
        'exec chroot "$0" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin SHELL=/bin/bash setpriv "$@"',
      ].join(" && ");
      const isRoot = user === "root";
      const ids = isRoot ? ["--reuid=0"] : ["--reuid=ann", "--regid=ann", "--init-groups"];
      const home = isRoot ? "/root" : "/home/ann";
      const shell = ["env", `HOME=${home}`, `USER=${user}`, "sh", "-ec", `cd; ${script}`];
      const unshare = ["unshare", "--mount", "--pid", "--fork", "--kill-child"];
      return await succeed([...unshare, "sh", "-c", enter, folder, ...ids, ...shell]);
    },
    async [Symbol.asyncDispose]() {
      await runProgram(["rm", "-rf", "--one-file-system", folder]);
    },
  };
  await debian.run("root", "useradd --create-home --shell /bin/bash ann");
  return debian;
}

async function succeed(command: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await runProgram(command);
  if (exitCode !== 0) throw new Error(`${command.at(-1)}: status ${exitCode}\n${stdout}\n${stderr}`);
  return `${stdout}${stderr}`;
}
