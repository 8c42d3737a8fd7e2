/** `qn image build`: builds the Debian image with the qn that belongs into it, or a flake's NixOS image. */
import { join } from "node:path";
import { QnError } from "../../../base/errors.ts";
import type { Arch } from "../../../base/words.ts";
import { buildDebianImage } from "../../../host/image/build/debian.ts";
import { buildNixosImage } from "../../../host/nixos/image.ts";
import { isThere } from "../../../system/files.ts";
import { ownArch } from "../../../system/platform.ts";
import { defineCommand } from "../../command.ts";
import { selfCommand } from "../../self.ts";
import { say, showPhase, succeed } from "../../terminal/show.ts";
import { interruption } from "../../terminal/signals.ts";
import { qnHome, vmNamed } from "../../vm-here.ts";
import { archArg, archNamed, imageNamed } from "./named.ts";

export const command = defineCommand({
  examples: ["qn image build --fresh", "qn image build --guest nixos --flake .#guest"],
  args: {
    guest: { type: "string", default: "debian", description: "What it is: debian or nixos", valueHint: "KIND" },
    name: { type: "string", description: "The image's name; its kind by default", valueHint: "NAME" },
    arch: archArg,
    flake: { type: "string", description: "Where the NixOS guest is declared", valueHint: "FLAKE#NAME" },
    builder: { type: "string", description: "The VM in which Nix builds it, on a Mac", valueHint: "VM" },
    fresh: { type: "boolean", description: "Take today's packages, not those of the last build" },
  },
  async run({ args }) {
    const { guest, name = guest, arch, flake, builder, fresh } = args;
    await buildImage({ guest, name, arch, flake, builder, isFresh: fresh === true });
  },
});

// --- internal ---

/** What `qn image build` was asked for. */
type ImageRequest = {
  readonly guest: string;
  readonly name: string;
  readonly arch: string | undefined;
  readonly flake: string | undefined;
  readonly builder: string | undefined;
  readonly isFresh: boolean;
};

/** Builds it, and says where it is. Throws what the build throws. */
async function buildImage(request: ImageRequest): Promise<void> {
  const layout = qnHome();
  const arch = archNamed(request.arch);
  const name = imageNamed(request.name);
  const startedAtMs = Date.now();
  using interrupted = interruption();
  const common = {
    imagesFolder: layout.images,
    cacheFolder: layout.cache,
    arch,
    name,
    signal: interrupted.signal,
    onProgress: (phase: string) => showPhase(phase, Date.now() - startedAtMs),
  };
  const flake = flakeOf(request);
  const built =
    flake === undefined
      ? await buildDebianImage({
          ...common,
          guestBinary: await guestBinary(arch),
          isFresh: request.isFresh,
          mirror: process.env["QN_DEBIAN_MIRROR"],
        })
      : await buildNixosImage({
          ...common,
          flake,
          onLine: (line) => say(`  ${line}`),
          builder: request.builder === undefined ? undefined : vmNamed(request.builder).paths,
        });
  succeed(`Image "${name}" for ${arch} is ${built.isNew ? "built" : "up to date"}: ${built.folder}`);
}

/** The flake of a NixOS image; nothing for a Debian one. Throws USAGE. */
function flakeOf({ guest, flake, builder, isFresh }: ImageRequest): string | undefined {
  if (guest === "debian" && flake === undefined && builder === undefined) return undefined;
  if (guest === "nixos" && flake !== undefined && !isFresh) return flake;
  if (guest !== "debian" && guest !== "nixos") {
    throw new QnError("USAGE", `--guest is "${guest}"; it is one of debian, nixos.`);
  }
  throw new QnError(
    "USAGE",
    guest === "nixos"
      ? "A NixOS image is that of a flake: --flake is missing, or --fresh is too much."
      : "--flake and --builder are for NixOS images.",
    { hint: "Write it as in `qn image build --guest nixos --flake .#guest`." },
  );
}

/** Node's words for architectures in the names of qn's release files. */
const releaseArch: Record<Arch, string> = { x86_64: "x64", aarch64: "arm64" };

/**
 * The qn that goes into the guest: this very program where host and guest are alike, else the Linux build that is
 * delivered beside it. Throws IMAGE_BUILD_FAILED when there is none.
 */
async function guestBinary(arch: Arch): Promise<string> {
  const [program = "", ...rest] = selfCommand();
  if (process.platform === "linux" && arch === ownArch() && rest.length === 0) return program;
  const beside = join(program, "..", `qn-linux-${releaseArch[arch]}`);
  if (await isThere(beside)) return beside;
  throw new QnError("IMAGE_BUILD_FAILED", `The guest's qn is missing: there is no ${beside}.`, {
    hint: "Put the Linux build of the same version there.",
  });
}
