/** `qn data export`: a stopped VM's Docker data and settings in one file. */
import { resolve } from "node:path";
import { QnError } from "../../../base/errors.ts";
import { byteSize } from "../../../base/words.ts";
import { whileStopped } from "../../../host/lifecycle/while-stopped.ts";
import { exportVm } from "../../../host/snapshot/archive/export.ts";
import { dataDisks } from "../../../host/snapshot/folder.ts";
import { effectiveConfig } from "../../../host/vm/settings.ts";
import { dataDisk } from "../../../protocol/disks.ts";
import { defineCommand } from "../../command.ts";
import { say, succeed, warn } from "../../terminal/show.ts";
import { interruption } from "../../terminal/signals.ts";
import { version } from "../../version.ts";
import { vmNamed } from "../../vm-here.ts";

export const command = defineCommand({
  examples: ["qn data export backup.qndata"],
  words: true,
  async run({ args }) {
    const [first, second, ...more] = args._;
    if (first === undefined || more.length > 0) {
      throw new QnError("USAGE", "`qn data export` takes a file, and a VM before it.", {
        hint: "As in `qn data export web web.qndata`.",
      });
    }
    const [vm, file] = second === undefined ? ["default", first] : [first, second];
    const { paths } = vmNamed(vm);
    using interrupted = interruption();
    const { bytes, leftOut, others } = await whileStopped(paths, process.env, async () => {
      const { arch } = (await effectiveConfig(paths, process.env)).config;
      const facts = { arch, qn: version, madeAtMs: Date.now() };
      const others = (await dataDisks(paths)).map(({ name }) => name).filter((name) => name !== dataDisk);
      return { others, ...(await exportVm(paths, resolve(file), facts, interrupted.signal)) };
    });
    succeed(`The data of VM "${paths.name}" is in ${file} (${byteSize(bytes)}).`);
    if (others.length > 0) warn(`What is on further disks is not in it: ${others.join(", ")}.`);
    if (leftOut.length > 0) say(`These settings are this machine's and stay here: ${leftOut.join(", ")}.`);
  },
});
