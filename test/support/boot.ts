/** What a guest is told at boot, for tests of the agent that need some of it. */
import { ShownSockets } from "../../src/agent/files/sockets/show.ts";
import type { Boot } from "../../src/protocol/messages.ts";

/** A boot of root's VM that shares nothing; `changes` on top. */
export function testBoot(changes: Partial<Boot> = {}): Boot {
  return {
    secret: "00".repeat(32),
    vm: "default",
    hostPorts: [],
    user: { name: "root", uid: 0, gid: 0, sshKeys: ["ssh-ed25519 AAAA"] },
    shares: [],
    sshHostKey: "a key",
    home: "/run/nowhere",
    dockerSocket: "/run/nowhere/docker.sock",
    listen: false,
    proxy: {},
    ...changes,
  };
}

/** What a guest shows of the host's sockets where the settings have none. */
export const noSockets = new ShownSockets({ boot: testBoot(), own: [], onOther: () => {}, onTrouble: () => {} });
