/** What commands print about settings, disks, images and the machine, in words. */
import type { JsonOutputs } from "../../../src/cli/json-outputs.ts";
import type { Output } from "./fields.ts";
import { arches } from "./shared.ts";

/** By the command that prints it. */
export const aboutThings: {
  readonly [
    Name in keyof Pick<
      JsonOutputs,
      | "doctor"
      | "config show"
      | "disk ls"
      | "image ls"
      | "image prune"
      | "snapshot ls"
      | "container ls"
      | "service status"
      | "socket status"
      | "version"
      | "report"
      | "upgrade"
    >
  ]: Output<Name>;
} = {
  doctor: {
    is: "list",
    text: "One object for each finding. Exits 2 when there is a `fail`.",
    fields: {
      check: ["text", "What was looked at, such as `home`, `qemu` or `image`"],
      level: ["text", "How it is", { ok: "", warn: "", fail: "" }],
      text: ["text", "What was found"],
      fix: ["text or null", "What to do about it"],
    },
  },
  "config show": {
    is: "object",
    text: 'The settings in effect, by their names: `.settings.cpus.value`, `.settings["ports.bind"].value`.',
    fields: {
      settings: [
        "object",
        "By its name each setting",
        {
          NAME: [
            "object",
            "One setting",
            {
              value: ["any", "Its value; [Settings](config.md) says what it may be"],
              origin: [
                "object",
                "Where that comes from",
                {
                  from: ["text", "The kind", { default: "", file: "", environment: "", flag: "" }],
                  path: ["text", "The file, for `file`"],
                  variable: ["text", "The variable, for `environment`"],
                },
              ],
              variable: ["text", "The variable that would set it"],
              takesEffect: ["text", "From when on a change counts", { now: "", "at the next start": "" }],
            },
          ],
        },
      ],
    },
  },
  "disk ls": {
    is: "list",
    text: "The data disk first.",
    fields: {
      name: ["text", "The disk's name"],
      state: [
        "text",
        "There; only in the settings until the next start; or left of a disk that was removed",
        { made: "", new: "", kept: "" },
      ],
      sizeBytes: ["number", "Its size"],
      usedBytes: ["number", "What it takes on this machine"],
      folder: ["text", "Where the guest has it"],
      file: ["text", "Its file on this machine"],
    },
  },
  "image ls": {
    is: "list",
    text: "Those with names first.",
    fields: {
      name: ["text", "What it was built as"],
      version: ["text", "Its version"],
      arch: ["text", "The guest's architecture", arches],
      protocol: ["number", "The version of what qn and its guest speak"],
      recipe: ["text", "How it was made, such as `debian-13`"],
      inputs: ["text", "A hash of everything that went in"],
      dataVersion: ["number, or not there", "The format of the data disk; 1 when it is not there"],
      disk: [
        "object",
        "Its disk",
        {
          sha256: ["text", "The hash of the file"],
          sizeBytes: ["number", "The size of the file"],
          virtualSizeBytes: ["number", "The size that the guest sees"],
        },
      ],
      kernel: [
        "object, or not there",
        "For a boot without firmware",
        {
          commandLine: ["text", "The kernel's command line"],
          files: [
            "list of objects",
            "Kernel and initramfs",
            {
              file: ["text", "The file's name", { kernel: "", initrd: "" }],
              bytes: ["number", "Its size"],
              sha256: ["text", "Its hash"],
            },
          ],
        },
      ],
      id: ["text", "The hash that it is kept by"],
      folder: ["text", "Where it is"],
      names: ["list of text", "The names that lead to it, each with its architecture"],
      usedBytes: ["number", "What it takes on this machine"],
      usedBy: [
        "list of objects",
        "Who needs it",
        { vm: ["text", "The VM"], as: ["text", "As what", { "system disk": "", before: "", snapshot: "" }] },
      ],
      newer: ["text or null", "A newer version that is out, if that is known"],
    },
  },
  "image prune": {
    is: "object",
    text: "What was removed, or would be.",
    fields: {
      removed: ["boolean", "False for `--dry-run`"],
      freedBytes: ["number", "What all of them took"],
      images: [
        "list of objects",
        "Each of them",
        {
          id: ["text or null", "The hash that it was kept by; null for what was left unfinished"],
          names: ["list of text", "The names that led to it"],
          usedBytes: ["number", "What it took"],
        },
      ],
    },
  },
  "snapshot ls": {
    is: "list",
    text: "One object for each snapshot.",
    fields: {
      name: ["text", "Its name"],
      createdAt: ["text", "When it was made, in UTC (ISO 8601)"],
      image: ["text or null", "The hash of the image that it needs"],
      usedBytes: ["number", "What it alone takes"],
    },
  },
  "container ls": {
    is: "list",
    text: "The guest's systemd-nspawn containers.",
    fields: {
      name: ["text", "Its name"],
      state: ["text", "What it does", { running: "", stopped: "" }],
      addresses: ["list of text", "Its addresses"],
    },
  },
  "service status": {
    is: "object",
    text: "Exits 3 when it is not installed.",
    fields: {
      manager: ["text", "Who starts it", { systemd: "", launchd: "" }],
      file: ["text", "The unit or property list"],
      installed: ["boolean", "Whether that file is there"],
      active: ["boolean", "Whether the manager runs it now"],
    },
  },
  "socket status": {
    is: "object",
    text: "What is at `/var/run/docker.sock`.",
    fields: {
      path: ["text", "The path"],
      kind: ["text", "What is there", { nothing: "", link: "", socket: "", other: "" }],
      target: ["text or null", "Where a link leads"],
      vm: ["text or null", "The VM of qn's that this is"],
      reachable: ["boolean", "Whether somebody answers there"],
    },
  },
  version: {
    is: "object",
    text: "The flag `--version` of qn itself takes `--json`, too.",
    fields: {
      version: ["text", "The version of qn"],
      build: [
        "text",
        "How it was made: downloaded as a release, built in a checkout of the source, or run from there",
        { release: "", checkout: "", source: "" },
      ],
      commit: ["text or null", "The commit that a release was made of"],
      bun: ["text", "The version of Bun inside"],
      os: ["text", "The system that it is for, such as `linux` or `darwin`"],
      arch: ["text", "The processor that it is for, such as `x64` or `arm64`"],
    },
  },
  upgrade: {
    is: "object",
    text: "With `--check` it exits 2 when there is a newer qn.",
    fields: {
      outcome: [
        "text",
        "What was done, or, with `--check`, found",
        { same: "", newer: "", upgraded: "", "rolled back": "" },
      ],
      from: ["text", "The version of the qn that was asked"],
      to: ["text or null", "The version that is there now or, for `newer`, would be"],
      runningVms: ["list of text", "The VMs that run on with the qn that has started them"],
    },
  },
  report: {
    is: "object",
    text:
      "`versions.json` in the archive of `qn report`. `doctor.json` and `status.json` beside it have the fields above, " +
      "`settings.json` the values in effect by their names, and where one of them cannot be made `error` says why. None of these files has a `schema`: `qn` says which version made them.",
    fields: {
      qn: ["text", "The version of qn"],
      bun: ["text", "The version of Bun inside"],
      system: ["text", "Kernel and processor"],
      at: ["text", "When it was made, in UTC (ISO 8601)"],
      environment: [
        "object",
        "The variables that qn and Docker read",
        { NAME: ["text, or not there", "Its value, or `[left out]`"] },
      ],
    },
  },
};
