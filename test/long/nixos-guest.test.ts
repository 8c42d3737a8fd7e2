/** What the NixOS module makes of guest/, in place of the Debian guest's own files: ports, files and life are as before. */
import { expect } from "bun:test";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { quote } from "../../src/host/integrate/ssh-command.ts";
import { run } from "../../src/system/process.ts";
import { evaluated, valueOf } from "../support/nix.ts";
import { inGuest } from "../support/stand-in-nixos.ts";
import { freePort, knock, until } from "../support/until.ts";
import { bootVm, type Vm } from "../support/vm.ts";

type Guest = {
  readonly units: Readonly<Record<string, string>>;
  readonly etc: Readonly<Record<string, string>>;
  readonly docker: { readonly logDriver: string; readonly settings: Readonly<Record<string, unknown>> };
  readonly tmpfiles: readonly string[];
  readonly sysctl: Readonly<Record<string, string>>;
};

/** The module's files with their places in a Debian guest, whose programs stand for those of the Nix store. */
async function moduleFiles(system: string): Promise<readonly (readonly [path: string, text: string])[]> {
  const guest = await valueOf<Guest>("guest", system, "{ virtualisation.qn.enable = true; }");
  const programs = (text: string): string =>
    text
      .replaceAll(/\/nix\/store\/\S+\/bin\/qn\b/g, "/usr/local/bin/qn")
      .replaceAll(/\/nix\/store\/\S+\/bin\/nftables\b/g, "/usr/sbin/nft");
  const units = Object.entries(guest.units)
    .filter(([path]) => !path.includes("specialise"))
    .map(([path, text]) => [path.replace("lib/systemd/system", "/etc/systemd/system"), programs(text)] as const);
  const etc = Object.entries(guest.etc)
    .filter(([path]) => path !== "qn/image.json")
    .map(([path, text]) => [`/etc/${path}`, text] as const);
  const daemon = { ...guest.docker.settings, "log-driver": guest.docker.logDriver };
  const sysctl = Object.entries(guest.sysctl).map(([name, value]) => `${name} = ${value}\n`);
  return [
    ...units,
    ...etc,
    ["/etc/docker/daemon.json", JSON.stringify(daemon)],
    ["/etc/tmpfiles.d/qn.conf", `${guest.tmpfiles.join("\n")}\n`],
    ["/etc/sysctl.d/60-qn.conf", sysctl.join("")],
  ];
}

async function page(port: number): Promise<string | undefined> {
  const response = await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined);
  return await response?.text();
}

async function serves(vm: Vm): Promise<void> {
  const port = await freePort();
  await writeFile(join(vm.inHome, "index.html"), "from home");
  await writeFile(join(vm.inTmp, "file"), "from tmp");
  const web = ["httpd", "-f", "-p", "80", "-h", "/www"];
  await vm.docker("run", "-d", "--name", "web", "-p", `${port}:80`, "-v", `${vm.inHome}:/www`, "busybox", ...web);
  expect(await page(port)).toBe("from home");
  expect(await vm.docker("run", "--rm", "-v", `${vm.inTmp}/file:/file`, "busybox", "cat", "/file")).toBe("from tmp");
  await vm.docker("rm", "-f", "web");
  expect(await knock("127.0.0.1", port)).toBe("ECONNREFUSED");
}

evaluated(
  "a guest with the NixOS module's files in place of its own has the same ports, files and life",
  ["guest"],
  async () => {
    await using vm = await bootVm();
    const arch = await inGuest(vm.folder, "uname -m");
    const files = await moduleFiles(`${arch}-linux`);
    expect(files.length).toBeGreaterThan(12);
    const own = files.map(([path]) => `rm -f ${path}; mkdir -p ${join(path, "..")}`);
    const writes = files.map(([path, text]) => `printf %s ${quote(text)} > ${path}`);
    await inGuest(vm.folder, [...own, ...writes, "sync"].join("\n"));
    await vm.qn("restart");
    expect(await inGuest(vm.folder, "systemctl show --property=FragmentPath --value qn-ports.service")).toBe(
      "/etc/systemd/system/qn-ports.service",
    );
    await serves(vm);

    await inGuest(vm.folder, "systemctl kill --signal=KILL qn-ports.service qn-tmp.service");
    // The supervisor learns of it a moment later: only an answer says that the new ones are there.
    await until("Docker behind a new agent", 120_000, async () => {
      const agent = await inGuest(vm.folder, "systemctl is-active qn-ports.service qn-tmp.service || true");
      const { exitCode } = await run(["docker", "version"], { env: { ...process.env, ...vm.env } });
      return agent === "active\nactive" && exitCode === 0 ? true : undefined;
    });
    await serves(vm);

    await vm.docker("run", "-d", "--restart", "always", "--name", "lasting", "busybox", "sleep", "infinity");
    await vm.qn("restart");
    expect(await vm.docker("inspect", "--format", "{{.State.Running}}", "lasting")).toBe("true");
  },
  1_200_000,
);
