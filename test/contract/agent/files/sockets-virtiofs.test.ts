/** A socket of the host in a mount of virtiofs, with this machine's own FUSE: shown to each container that starts. */
import { expect, test } from "bun:test";
import { lstat } from "node:fs/promises";
import { join } from "node:path";
import { ShownSockets } from "../../../../src/agent/files/sockets/show.ts";
import { listen } from "../../../../src/system/net/connection.ts";
import { testBoot } from "../../../support/boot.ts";
import { canMount, inFuseMount } from "../../../support/fuse-mount.ts";

test.skipIf(!canMount)(
  "a socket is the agent's until the host makes it anew, and again once another container starts",
  async () => {
    await inFuseMount(async ({ at, folder, place }) => {
      const [path, own] = [join(at, "s.sock"), join(place, "own.sock")];
      using agent = new DisposableStack();
      agent.adopt(
        listen({ unix: own }, () => {}),
        (listener) => listener.closeAll(),
      );
      const shares = [{ tag: "qn0", path: at, folder: at, readOnly: false }];
      const boot = testBoot({ shares, sockets: [{ name: "s", paths: [path] }] });
      const troubles: string[] = [];
      const tell = (text: string): void => void troubles.push(text);
      const shown = new ShownSockets({ boot, own: [own], onOther: tell, onTrouble: tell });
      const isAgents = async (): Promise<boolean> => (await lstat(path)).ino === (await lstat(own)).ino;
      const seen: boolean[] = [];
      for (let time = 0; time < 2; time += 1) {
        const server = listen({ unix: join(folder, "s.sock") }, () => {});
        seen.push(await isAgents());
        await shown.showWithin([{ path: at }]);
        seen.push(await isAgents());
        server.closeAll();
      }
      expect([seen, troubles]).toEqual([[false, true, false, true], []]);
    });
  },
);
