/** Sockets for containers, which a real systemd keeps from one agent to the next. Needs root on Linux; elsewhere a skip. */
import { expect, test } from "bun:test";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { newFolder } from "../../../support/folder.ts";
import { besideManager, mayManage } from "../../../support/systemd.ts";

test.skipIf(!mayManage)(
  "a socket that a container has mounted is listened on by the agent after a kill and a restart too, by its name and without",
  async () => {
    await using folder = await newFolder();
    const home = folder.path;
    const program = join(import.meta.dir, "../../../support/inside/kept-listener.ts");
    const unit = [
      "[Service]",
      "Type=notify",
      "NotifyAccess=all",
      `ExecStart=${process.execPath} ${program} ${home}/own ${home}/log`,
      "FileDescriptorStoreMax=2",
      "Restart=always",
      "RestartSec=0",
    ];
    await mkdir(join(home, ".config/systemd/user"), { recursive: true });
    await Bun.write(join(home, ".config/systemd/user/kept.service"), unit.join("\n"));
    // The hard link stands for the mount: it is the first agent's inode, whatever has the name later.
    // Who comes is hung up on, perhaps before it hears that it is connected; what it has reached says the log.
    const connect = `'${process.execPath}' -e 'await Bun.connect({ unix: process.argv[1], socket: { data() {} } }).catch(() => {}); process.exit()'`;
    // Each client is heard of before the next step; one that comes while nobody takes clients would be the next agent's.
    const until = (count: number, word: string) =>
      `until [ "$(grep -c ${word} '${home}/log')" = ${count} ]; do sleep 0.05; done`;
    const script = [
      "systemctl --user start kept",
      `ln '${home}/own/0' '${home}/mounted'`,
      `${connect} '${home}/mounted'`,
      until(1, "asked"),
      "systemctl --user kill --signal=KILL kept",
      until(1, "kept"),
      `${connect} '${home}/mounted'`,
      until(2, "asked"),
      "systemctl --user restart kept",
      `${connect} '${home}/mounted'`,
      `${connect} '${home}/own/0'`,
      until(4, "asked"),
      "systemctl --user stop kept",
    ];
    await besideManager(home, script.join("\n"));
    const log = await Bun.file(join(home, "log")).text();
    expect(log.trim().split("\n")).toEqual([
      "made",
      "asked s 1",
      "kept",
      "asked s 1",
      "kept",
      "asked s 1",
      "asked s 2",
    ]);
  },
);
