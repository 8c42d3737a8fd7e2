/** `qn image pull`: fetches an image of a release. */
import { QnError } from "../../../base/errors.ts";
import { pullImage } from "../../../host/image/pull/pull.ts";
import { commonConfig } from "../../../host/vm/settings.ts";
import { defineCommand } from "../../command.ts";
import { pullShown } from "../../terminal/pull-shown.ts";
import { showPhase, succeed } from "../../terminal/show.ts";
import { interruption } from "../../terminal/signals.ts";
import { qnHome } from "../../vm-here.ts";
import { archArg, archNamed, imageNamed } from "./named.ts";

export const command = defineCommand({
  examples: ["qn image pull debian@13.8", "QN_IMAGE_URL=https://mirror.example/qn qn image pull"],
  args: {
    image: {
      type: "positional",
      required: false,
      default: "debian",
      description: "The image's name, and @ with a version",
      valueHint: "NAME[@VERSION]",
    },
    arch: archArg,
  },
  async run({ args }) {
    const startedAtMs = Date.now();
    const layout = qnHome();
    const { name, version } = wantedImage(args.image);
    const arch = archNamed(args.arch);
    const { config: settings } = await commonConfig(layout, process.env);
    using interrupted = interruption();
    using shown = pullShown((text) => showPhase(text, Date.now() - startedAtMs));
    const pulled = await pullImage({ ...shown, layout, settings, name, version, arch, signal: interrupted.signal });
    shown[Symbol.dispose]();
    const what = `Image "${name}" ${pulled.manifest.version} for ${arch}`;
    succeed(`${what} is ${pulled.isNew ? "fetched" : "there already"}: ${pulled.folder}`);
  },
});

// --- internal ---

function wantedImage(text: string): { readonly name: string; readonly version: string | undefined } {
  const [name = "", version, ...rest] = text.split("@");
  if (version === "" || rest.length > 0) {
    throw new QnError("USAGE", `"${text}" is no image.`, { hint: "Write it as in `qn image pull debian@13.8`." });
  }
  return { name: imageNamed(name), version };
}
