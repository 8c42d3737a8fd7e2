/** What the monitor's commands say, and how their answers are read. */
import { expect, test } from "bun:test";
import {
  parseUserNet,
  powerDown,
  queryStatus,
  queryVersion,
  quit,
  userNetForwards,
} from "../../../../src/host/qmp/commands.ts";

/** A monitor that notes what it is told and answers everything alike. */
function monitorThatAnswers(value: unknown) {
  const told: unknown[] = [];
  const execute = async (command: string, args?: unknown): Promise<unknown> => {
    told.push(args === undefined ? command : [command, args]);
    return value;
  };
  return { told, execute };
}

/** As QEMU 7.2 prints it: forwards of both protocols, a connection in use, an ICMP row. */
const table = `Hub -1 (net):
  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ
  TCP[ESTABLISHED]   19       127.0.0.1 45002       10.0.2.15    80     0     0
  TCP[HOST_FORWARD]  11       127.0.0.1 45002       10.0.2.15    80     0     0
  TCP[HOST_FORWARD]  12               *  8443       10.0.2.15   443     0     0
  UDP[HOST_FORWARD]  13               *    53       10.0.2.15    53     0     0
  UDP[236 sec]       14       10.0.2.15 35353     192.0.2.53    53     0     0
  ICMP[4 sec]        15       10.0.2.15 1          192.0.2.1     -     0     0
`.replaceAll("\n", "\r\n");

const guestAddress = "10.0.2.15";

test("the forwards are read from the table, and nothing else is", () => {
  expect(parseUserNet(table)).toEqual([
    { protocol: "tcp", hostAddress: "127.0.0.1", hostPort: 45_002, guestAddress, guestPort: 80 },
    { protocol: "tcp", hostAddress: "*", hostPort: 8443, guestAddress, guestPort: 443 },
    { protocol: "udp", hostAddress: "*", hostPort: 53, guestAddress, guestPort: 53 },
  ]);
});

test("no network, no forwards", () => {
  expect(parseUserNet("")).toEqual([]);
});

test("each command says what QEMU expects", async () => {
  const nothing = monitorThatAnswers({});
  await powerDown(nothing);
  await quit(nothing);
  const text = monitorThatAnswers(table);
  expect(await userNetForwards(text)).toHaveLength(3);
  expect([nothing.told, text.told]).toEqual([
    ["system_powerdown", "quit"],
    [["human-monitor-command", { "command-line": "info usernet" }]],
  ]);
});

test("answers are reduced to what qn uses", async () => {
  const status = monitorThatAnswers({ running: false, singlestep: false, status: "prelaunch" });
  const version = monitorThatAnswers({ qemu: { major: 9, minor: 2, micro: 1 }, package: "" });
  expect([await queryStatus(status), await queryVersion(version)]).toEqual([
    { running: false, status: "prelaunch" },
    "9.2.1",
  ]);
});

test("an answer of another shape is refused with what it was", async () => {
  await expect(queryStatus(monitorThatAnswers({ status: 3 }))).rejects.toThrow(
    'QEMU answers query-status with {"status":3}.',
  );
  await expect(userNetForwards(monitorThatAnswers(undefined))).rejects.toThrow(
    "QEMU answers info usernet with undefined.",
  );
});
