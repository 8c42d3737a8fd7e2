/** The ports of systemd-nspawn, in nft's own words. */
import { expect, test } from "bun:test";
import { nspawnPortsIn } from "../../../../src/agent/ports/nspawn-map.ts";

/** What `nft -j list map ip io.systemd.nat map_port_ipport` prints, shortened where nothing is read. */
function listing(...elem: readonly unknown[]): string {
  const map = {
    family: "ip",
    name: "map_port_ipport",
    table: "io.systemd.nat",
    handle: 3,
    ...(elem.length > 0 ? { elem } : {}),
  };
  return JSON.stringify({ nftables: [{ metainfo: { version: "1.1.3", json_schema_version: 1 } }, { map }] });
}

test("each element of nspawn's map is a port, and where in the machine it leads", () => {
  const web = [{ concat: ["tcp", 8080] }, { concat: ["10.9.9.2", 80] }];
  const dns = [{ concat: ["udp", 5300] }, { concat: ["fd00::2", 53] }];
  expect(nspawnPortsIn(listing(web, dns))).toEqual([
    { protocol: "tcp", hostPort: 8080, address: "10.9.9.2", port: 80 },
    { protocol: "udp", hostPort: 5300, address: "fd00::2", port: 53 },
  ]);
  expect(nspawnPortsIn(listing())).toEqual([]);
});

test("what is not understood is left out, and the rest stays", () => {
  const web = [{ concat: ["tcp", 8080] }, { concat: ["10.9.9.2", 80] }];
  const odd = [[{ concat: ["sctp", 80] }, { concat: ["10.9.9.2", 80] }], [{ concat: ["tcp", 0] }, web[1]], "tcp", [1]];
  expect(nspawnPortsIn(listing(...odd, web))).toEqual([
    { protocol: "tcp", hostPort: 8080, address: "10.9.9.2", port: 80 },
  ]);
  for (const text of ["", "Error: No such file", "[]", '{"nftables":1}']) expect(nspawnPortsIn(text)).toEqual([]);
});
