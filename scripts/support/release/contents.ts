/** What is in the archive of a program: everything that an installer puts somewhere, and what a person reads. */
import { copyFile, mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import manifest from "../../../package.json";
import { completionScripts } from "../../../src/cli/completion/scripts.ts";
import { root as commands } from "../../../src/cli/commands.ts";
import { manPages } from "../../../src/cli/man.ts";
import { repositoryUrl } from "../../../src/host/image/pull/addresses.ts";
import { completionFiles, pagesFolder } from "../../../src/host/upgrade/files.ts";
import { programIn } from "./archive.ts";

/** Writes the files of an archive into `folder`: the program, and the rest, which is the same for every system. */
export async function writeContents(
  folder: string,
  { root, program, notices }: { readonly root: string; readonly program: string; readonly notices: string },
): Promise<void> {
  const pages = (await manPages(commands)).map(({ file, text }) => [`${pagesFolder}/${file}`, text] as const);
  const completions = Object.entries(completionScripts).map(
    ([shell, text]) => [completionFiles[shell] ?? shell, text] as const,
  );
  const licence = await Bun.file(join(root, "LICENSE")).text();
  const texts = { LICENSE: licence, "THIRD-PARTY-NOTICES.txt": notices, "README.md": readme };
  for (const [path, text] of [...pages, ...completions, ...Object.entries(texts)])
    await Bun.write(join(folder, path), text);
  await mkdir(dirname(programIn(folder)), { recursive: true });
  // An executable one: what packs it makes all other modes the same.
  await copyFile(program, programIn(folder));
}

// --- internal ---

const readme = `# qn ${manifest.version}

${manifest.description}

\`bin/qn\` is all of it: put it anywhere in your PATH. It needs QEMU 7.2 or newer and OpenSSH's client, and fetches
its guest with the first \`qn up\`.

    sudo install bin/qn /usr/local/bin/qn
    qn doctor
    qn up

\`share/\` has manual pages and what makes shells complete qn's command line; \`qn man\` and \`qn completion\` print the same.

Source and documentation: ${repositoryUrl}
`;
