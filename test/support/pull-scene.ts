/** A QN_HOME, a release and its server, and pulls of it. */
import { readdir, readlink } from "node:fs/promises";
import { join } from "node:path";
import { type PullOptions, pullImage } from "../../src/host/image/pull/pull.ts";
import { findImage, verifyImage } from "../../src/host/image/store.ts";
import { type Layout, layoutOf } from "../../src/host/layout.ts";
import { ownArch } from "../../src/system/platform.ts";
import { type ImageParts, type MadeRelease, newRelease } from "./released-image.ts";
import { type Misbehaviour, type ReleaseServer, releaseServer } from "./release-server.ts";
import { tempHome } from "./temp-home.ts";

/** Quick tries; nobody is given up for being slow, unless a test says so. */
export const quickLimits = { failuresMax: 5, firstPauseMs: 1, silenceMs: 60_000 };

/** The scene; `pull` is as `qn image pull`. */
export type PullScene = AsyncDisposable & {
  readonly layout: Layout;
  readonly made: MadeRelease;
  readonly server: ReleaseServer;
  pull(changes?: Partial<PullOptions>): ReturnType<typeof pullImage>;
  /** The version of the image that is there, compared with its hash. */
  version(): Promise<string | undefined>;
  /** What is in the folder of images, and what was fetched in vain. */
  left(): Promise<{ images: string[]; parts: string[] }>;
};

/** Sets it up; the server answers downloads as `misbehave` says. */
export async function pullScene(misbehave?: Misbehaviour, image: ImageParts = {}): Promise<PullScene> {
  const home = await tempHome({ images: false });
  const layout = layoutOf(home.path);
  const made = await newRelease(join(home.path, "_release"), { image });
  const server = await releaseServer(made.folder, misbehave);
  const settings = { imageUrl: server.base, imageKey: made.keyFile };
  const pull: PullScene["pull"] = (changes = {}) =>
    pullImage({
      layout,
      settings,
      name: "debian",
      arch: ownArch(),
      signal: new AbortController().signal,
      onPhase: () => {},
      onBytes: () => {},
      limits: quickLimits,
      ...changes,
    });
  return {
    layout,
    made,
    server,
    pull,
    async version() {
      const found = await findImage(layout.images, "debian", ownArch());
      if (found !== undefined) await verifyImage(found);
      return found?.manifest.version;
    },
    async left() {
      const parts = await readdir(join(layout.cache, "pull", `debian-${ownArch()}`)).catch((): string[] => []);
      const entries = await readdir(layout.images).catch((): string[] => []);
      // A folder that a name leads to is that image; any other one is left over.
      const named = await Promise.all(entries.map((entry) => readlink(join(layout.images, entry)).catch(() => "")));
      const images = entries.filter((entry) => !named.includes(entry));
      return { images: images.toSorted(), parts: parts.filter((name) => name !== "lock").toSorted() };
    },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await home[Symbol.asyncDispose]();
    },
  };
}
