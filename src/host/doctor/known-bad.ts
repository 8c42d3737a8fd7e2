/** Versions of QEMU that are known to fail with qn's guests, and what helps. */
import { type Arch, compareVersions, type HostOs } from "../../base/words.ts";

/** What a row is matched with. */
export type Combination = {
  readonly os: HostOs;
  readonly arch: Arch;
  /** As QEMU says it, such as "9.2.1". */
  readonly version: string;
  /** Arm's matrix extension (Apple's M4 and later). */
  readonly sme: boolean;
};

/** One fault: whom it meets, what it does, what helps. `until` is the first version without it. */
type KnownBad = {
  readonly os?: HostOs;
  readonly arch?: Arch;
  readonly sme?: true;
  readonly from: string;
  readonly until: string;
  readonly effect: string;
  readonly fix: string;
};

const another = "Install another version of QEMU, or name one with QN_QEMU.";

/** The table; where QEMU's or a packager's issue has the facts, its number is in the effect. */
const rows: readonly KnownBad[] = [
  {
    from: "0.0.0",
    until: "7.0.0",
    effect: "it cannot serve folders to the guest on a Mac, and is too old to be tried",
    fix: another,
  },
  {
    os: "darwin",
    arch: "aarch64",
    from: "7.0.0",
    until: "8.2.1",
    effect: "guests hang on Apple Silicon (QEMU issue 1990)",
    fix: another,
  },
  {
    os: "darwin",
    arch: "x86_64",
    from: "8.0.0",
    until: "8.1.0",
    effect: "firmware in flash aborts under hvf (QEMU issue 1603)",
    fix: another,
  },
  {
    os: "darwin",
    arch: "aarch64",
    sme: true,
    from: "8.2.1",
    until: "10.0.0",
    effect: "the processor `host` is refused on an M4 (QEMU issues 2665 and 2721); qn takes `max` there",
    fix: "Nothing, unless the guest does not start; then install QEMU 10 or newer.",
  },
  {
    os: "darwin",
    arch: "x86_64",
    from: "10.0.0",
    until: "10.0.1",
    effect: "guests with more than one processor may hang under hvf (QEMU issue 2938)",
    fix: "Use `cpus: 1`, or install another version of QEMU.",
  },
  {
    os: "darwin",
    arch: "aarch64",
    from: "11.0.0",
    until: "11.0.1",
    effect: "an idle guest takes whole processors (QEMU issue 3433)",
    fix: another,
  },
  {
    os: "darwin",
    arch: "aarch64",
    from: "11.0.0",
    until: "11.1.0",
    effect: "builds of nixpkgs before July 2026 abort in hvf_arch_init_vcpu (nixpkgs issue 528299)",
    fix: "Update nixpkgs, or install Homebrew's QEMU.",
  },
  {
    os: "darwin",
    arch: "aarch64",
    from: "11.1.0",
    until: "11.1.1",
    effect: "guests have been seen to stall when they leave the firmware, with nixpkgs' build",
    fix: "If the guest stalls: QEMU 11.0.2 with the firmware that came with it.",
  },
];

/** The faults that this combination is known for. */
export function knownFaults(combination: Combination): readonly { readonly effect: string; readonly fix: string }[] {
  return rows.filter(
    ({ os, arch, sme, from, until }) =>
      (os ?? combination.os) === combination.os &&
      (arch ?? combination.arch) === combination.arch &&
      (sme ?? combination.sme) === combination.sme &&
      compareVersions(combination.version, from) >= 0 &&
      compareVersions(combination.version, until) < 0,
  );
}
