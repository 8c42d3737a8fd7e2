/** The firmware's variables from boot to boot, on real files: a store is used again when a guest has come up with it, and only then. */
import { expect, test } from "bun:test";
import { chmod, copyFile, mkdir, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { layoutOf, type VmPaths } from "../../../../../src/host/layout.ts";
import { takeDown } from "../../../../../src/host/lifecycle/down.ts";
import type { Firmware } from "../../../../../src/host/qemu/platforms.ts";
import {
  dropFirmwareStore,
  keepFirmwareStore,
  readyFirmwareStore,
} from "../../../../../src/host/supervisor/boot/firmware-store.ts";
import { fakeVm, linesWith, programsMs } from "../../../../support/fake-vm.ts";
import { newFolder } from "../../../../support/folder.ts";

type Scene = AsyncDisposable & {
  readonly paths: VmPaths;
  readonly firmware: Firmware & { readonly vars: { readonly template: string } };
  /** A boot: the store before it, and then what the firmware has written, kept if a guest has come up. */
  boot(what: { image?: string; comesUp: boolean }): Promise<string>;
};

async function scene(): Promise<Scene> {
  const folder = await newFolder();
  const paths = layoutOf(folder.path).vm("default");
  await mkdir(paths.folder, { recursive: true });
  const [code, template] = [join(folder.path, "code.fd"), join(folder.path, "vars.fd")];
  await writeFile(code, "code");
  await writeFile(template, "empty");
  const firmware = { code, codeFormat: "raw", vars: { template, format: "raw" } } as const;
  return {
    paths,
    firmware,
    async boot({ image = "one", comesUp }) {
      await readyFirmwareStore(paths, firmware, image);
      const before = await readFile(paths.firmwareVars, "utf8");
      await writeFile(paths.firmwareVars, `${before}+`);
      if (comesUp) await keepFirmwareStore(paths);
      return before;
    },
    [Symbol.asyncDispose]: async () => await folder[Symbol.asyncDispose](),
  };
}

test("a new store is the template byte for byte, and takes no space for what is empty in it", async () => {
  await using vm = await scene();
  const template = Buffer.alloc(5_000_001);
  template.write("variables", 1_000_000);
  template.write("end", 4_999_998);
  await writeFile(vm.firmware.vars.template, template);
  await readyFirmwareStore(vm.paths, vm.firmware, "one");
  expect((await readFile(vm.paths.firmwareVars)).equals(template)).toBe(true);
  expect((await stat(vm.paths.firmwareVars)).blocks * 512).toBeLessThan(600_000);
});

test("a store with which a guest came up is used again, for as long as each boot comes up", async () => {
  await using vm = await scene();
  const stores = [];
  for (const comesUp of [true, true, false, false, true, true]) stores.push(await vm.boot({ comesUp }));
  expect(stores).toEqual(["empty", "empty+", "empty++", "empty", "empty", "empty+"]);
});

test("another image, template or firmware, or a store that is gone, makes a new one", async () => {
  await using vm = await scene();
  await vm.boot({ comesUp: true });
  expect(await vm.boot({ image: "two", comesUp: true })).toBe("empty");
  expect(await vm.boot({ image: "two", comesUp: true })).toBe("empty+");
  await writeFile(vm.firmware.vars.template, "blank!");
  expect(await vm.boot({ image: "two", comesUp: true })).toBe("blank!");
  await utimes(vm.firmware.code, 1, 1);
  expect(await vm.boot({ image: "two", comesUp: true })).toBe("blank!");
  await rm(vm.paths.firmwareVars);
  expect(await vm.boot({ image: "two", comesUp: true })).toBe("blank!");
  expect(await vm.boot({ image: "two", comesUp: true })).toBe("blank!+");
});

test("a boot without firmware leaves no store that it would seem to have tried", async () => {
  await using vm = await scene();
  await vm.boot({ comesUp: false });
  await dropFirmwareStore(vm.paths);
  await keepFirmwareStore(vm.paths);
  expect(await readdir(vm.paths.folder)).toEqual([]);
  expect(await vm.boot({ comesUp: true })).toBe("empty");
});

test("a template that nobody can write makes a store that its owner can", async () => {
  await using vm = await scene();
  await chmod(vm.firmware.vars.template, 0o444);
  for (const image of ["one", "two"]) {
    await vm.boot({ image, comesUp: true });
    expect((await stat(vm.paths.firmwareVars)).mode & 0o777).toBe(0o600);
  }
});

test("a second doorbell, and firmware without variables, leave everything as it is", async () => {
  await using vm = await scene();
  await vm.boot({ comesUp: true });
  await keepFirmwareStore(vm.paths);
  expect(await vm.boot({ comesUp: true })).toBe("empty+");
  await using plain = await scene();
  await readyFirmwareStore(plain.paths, { ...plain.firmware, vars: undefined }, "one");
  await keepFirmwareStore(plain.paths);
  expect(await Bun.file(plain.paths.firmwareVars).exists()).toBe(false);
});

test(
  "a VM keeps its store over down and up, and has a new one after a boot that failed",
  async () => {
    await using vm = await fakeVm("boots");
    const tools = join(vm.layout.home, "_tools");
    const [firmware, template] = [join(tools, "OVMF_CODE.fd"), join(tools, "OVMF_VARS.fd")];
    for (const copy of [firmware, template]) await copyFile(join(tools, "firmware.fd"), copy);
    const env = { ...vm.env, QN_FIRMWARE: firmware };
    const up = async (): Promise<number> => {
      const store = vm.paths.firmwareVars;
      await vm.up({ env }).catch(() => {});
      const { size } = Bun.file(store);
      await Bun.write(store, "w");
      await takeDown(vm.paths, { force: true });
      return size;
    };
    const whole = Bun.file(firmware).size;
    expect([await up(), await up()]).toEqual([whole, 1]);
    await vm.behave("exits");
    expect([await up(), await up()]).toEqual([1, whole]);
    expect(await linesWith(vm.paths.logs.supervisor, "BUG")).toEqual([]);
  },
  programsMs,
);
