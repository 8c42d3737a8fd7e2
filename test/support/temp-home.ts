/** A QN_HOME of one test's own, with the images that scripts/test built, below a path that is short enough for sockets. */
import { mkdir, mkdtemp, readdir, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { repository } from "./program.ts";

/** The images that end-to-end tests share; scripts/test builds them with this QN_HOME. QN_TEST_IMAGES names others. */
export const sharedImages = process.env["QN_TEST_IMAGES"] ?? join(repository, "dist/e2e/_images");

/** A folder that goes away at the end of the test: `await using home = await tempHome()`. */
export type TempHome = AsyncDisposable & { readonly path: string };

/**
 * Makes a QN_HOME. Its images are folders of links to the shared ones: a test may remove or replace them, but must not
 * write into their files. Throws when there is no image, with how to make one; `images: false` leaves them
 * out, and a folder takes its place; `parent` is where it lies, for a test to which that matters.
 */
export async function tempHome(
  options: { readonly images?: string | false; readonly parent?: string } = {},
): Promise<TempHome> {
  const path = await mkdtemp(join(options.parent ?? process.env["QN_TEST_FOLDER"] ?? "/tmp", "qn"));
  if (options.images !== false) await linkImages(join(path, "_images"), options.images ?? sharedImages);
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

// --- internal ---

async function linkImages(images: string, source: string): Promise<void> {
  const names = await readdir(source).catch((cause: unknown) => {
    throw new Error(`There is no guest image: QN_HOME=${join(repository, "dist/e2e")} dist/qn image build`, { cause });
  });
  // By their names alone: qn gives each a folder with its address again.
  for (const name of names.filter((each) => !/^(\.|sha256-)/.test(each))) {
    await mkdir(join(images, name), { recursive: true });
    for (const file of await readdir(join(source, name))) {
      await symlink(join(source, name, file), join(images, name, file));
    }
  }
}
