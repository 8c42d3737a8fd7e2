/** Which firmware is chosen, from descriptors as the distributions install them. */
import { expect, test } from "bun:test";
import {
  type DescriptorFile,
  describedFirmware,
  firmwareFault,
  namedFirmware,
  usualFirmware,
} from "../../../../src/host/qemu/firmware.ts";
import type { DiskFormat, Firmware } from "../../../../src/host/qemu/platforms.ts";

type Changes = {
  readonly architecture?: string;
  readonly machines?: readonly string[];
  readonly features?: readonly string[];
  readonly format?: DiskFormat;
  readonly mapping?: object;
  readonly types?: readonly string[];
};

/** A descriptor for /fw/<title>-code and /fw/<title>-vars, as Debian writes them. */
function descriptor(title: string, changes: Changes = {}): object {
  const { architecture = "x86_64", machines = ["pc-i440fx-*", "pc-q35-*"], features = ["acpi-s3"] } = changes;
  const { format = "raw", types = ["uefi"] } = changes;
  return {
    description: `UEFI firmware ${title}`,
    "interface-types": types,
    mapping: changes.mapping ?? {
      device: "flash",
      executable: { filename: `/fw/${title}-code`, format },
      "nvram-template": { filename: `/fw/${title}-vars`, format },
    },
    targets: [{ architecture, machines }],
    features,
    tags: [],
  };
}

function firmware(title: string, format: DiskFormat = "raw"): Firmware {
  return { code: `/fw/${title}-code`, codeFormat: format, vars: { template: `/fw/${title}-vars`, format } };
}

function file(name: string, content: unknown, rank = 0): DescriptorFile {
  return { name, rank, content };
}

test("descriptors sort by name, and Secure Boot's are left out", () => {
  const files = [
    file("60-edk2-x86_64.json", descriptor("plain")),
    file("40-secure-enrolled.json", descriptor("ms", { features: ["enrolled-keys", "requires-smm", "secure-boot"] })),
    file("50-secure.json", descriptor("secure", { features: ["requires-smm", "secure-boot"] })),
    file("50-4m-qcow2.json", descriptor("fedora", { format: "qcow2", features: ["acpi-s3", "amd-sev"] })),
    file("55-signed.json", descriptor("signed", { features: ["enrolled-keys"] })),
  ];
  expect(describedFirmware(files, "x86_64")).toEqual([firmware("fedora", "qcow2"), firmware("plain")]);
});

test("descriptors of other guests, machines and kinds of firmware are left out", () => {
  const executable = { filename: "/fw/x", format: "raw" };
  const files = [
    file("1.json", descriptor("arm", { architecture: "aarch64", machines: ["virt-*"] })),
    file("2.json", descriptor("microvm", { machines: ["microvm"] })),
    file("3.json", descriptor("i440fx", { machines: ["pc-i440fx-*"] })),
    file("4.json", descriptor("bios", { types: ["bios"] })),
    file("5.json", descriptor("tdx", { mapping: { device: "memory", filename: "/fw/OVMF.inteltdx.fd" } })),
    file("6.json", descriptor("sev", { mapping: { device: "flash", mode: "stateless", executable } })),
    file("7.json", descriptor("both", { mapping: { device: "flash", executable } })),
    file("8.json", undefined),
    file("9.json", []),
    file("10.json", "text"),
  ];
  expect(describedFirmware(files, "x86_64")).toEqual([]);
  expect(describedFirmware(files, "aarch64")).toEqual([firmware("arm")]);
});

test("a pattern's other characters mean themselves", () => {
  const files = [file("1.json", descriptor("odd", { machines: ["pc.q35.*", "(", "pc-q35"] }))];
  expect(describedFirmware(files, "x86_64")).toEqual([]);
});

test("a file hides its namesakes in less important folders, also when it offers nothing", () => {
  const files = [
    file("60-a.json", descriptor("distribution"), 2),
    file("60-a.json", descriptor("administrator"), 1),
    file("70-b.json", descriptor("hidden"), 2),
    file("70-b.json", undefined, 0),
  ];
  expect(describedFirmware(files, "x86_64")).toEqual([firmware("administrator")]);
});

test("firmware beside QEMU comes before the distributions'", () => {
  const first = (qemu: string, arch: "x86_64" | "aarch64"): Firmware | undefined => usualFirmware(qemu, arch)[0];
  expect([
    first("/opt/homebrew/bin/qemu-system-aarch64", "aarch64"),
    first("/nix/store/x-qemu/bin/qemu-system-x86_64", "x86_64"),
  ]).toEqual([
    {
      code: "/opt/homebrew/share/qemu/edk2-aarch64-code.fd",
      codeFormat: "raw",
      vars: { template: "/opt/homebrew/share/qemu/edk2-arm-vars.fd", format: "raw" },
    },
    {
      code: "/nix/store/x-qemu/share/qemu/edk2-x86_64-code.fd",
      codeFormat: "raw",
      vars: { template: "/nix/store/x-qemu/share/qemu/edk2-i386-vars.fd", format: "raw" },
    },
  ]);
});

test("every usual place is an absolute path", () => {
  const paths = usualFirmware("/usr/bin/qemu", "x86_64").flatMap(({ code, vars }) => [code, vars?.template]);
  expect(paths.filter((path) => path?.startsWith("/") !== true)).toEqual([]);
});

test("the variables of firmware that is named are looked for beside it", () => {
  const varsOf = (code: string, arch: "x86_64" | "aarch64" = "x86_64"): unknown[] =>
    namedFirmware(code, arch).map((one) => [one.codeFormat, one.vars?.template]);
  expect(varsOf("/f/OVMF_CODE_4M.secboot.fd")).toEqual([
    ["raw", "/f/OVMF_VARS_4M.secboot.fd"],
    ["raw", undefined],
  ]);
  expect(varsOf("/f/edk2-x86_64-code.fd")).toEqual([
    ["raw", "/f/edk2-x86_64-vars.fd"],
    ["raw", "/f/edk2-i386-vars.fd"],
    ["raw", undefined],
  ]);
  expect(varsOf("/f/QEMU_EFI-pflash.raw", "aarch64")).toEqual([
    ["raw", "/f/vars-template-pflash.raw"],
    ["raw", undefined],
  ]);
  expect(varsOf("/f/OVMF_CODE_4M.qcow2")[0]).toEqual(["qcow2", "/f/OVMF_VARS_4M.qcow2"]);
});

test("every file of firmware must be there, and raw flash of virt be exactly 64 MiB", () => {
  const flash = 67_108_864;
  const fault = (arch: "x86_64" | "aarch64", sizes: Record<string, number>, format?: DiskFormat): string | undefined =>
    firmwareFault(firmware("f", format), arch, new Map(Object.entries(sizes)));
  expect([
    fault("aarch64", { "/fw/f-code": flash, "/fw/f-vars": flash }),
    fault("aarch64", { "/fw/f-code": 2_097_152, "/fw/f-vars": flash }),
    fault("aarch64", { "/fw/f-code": flash, "/fw/f-vars": 1 }),
    fault("aarch64", { "/fw/f-code": 400, "/fw/f-vars": 200 }, "qcow2"),
    fault("x86_64", { "/fw/f-code": 3_653_632, "/fw/f-vars": 540_672 }),
    fault("x86_64", { "/fw/f-vars": 540_672 }),
    fault("x86_64", { "/fw/f-code": 3_653_632 }),
  ]).toEqual([
    undefined,
    "/fw/f-code has 2097152 bytes, the machine's flash takes exactly 67108864",
    "/fw/f-vars has 1 bytes, the machine's flash takes exactly 67108864",
    undefined,
    undefined,
    "/fw/f-code is not there",
    "/fw/f-vars is not there",
  ]);
});
