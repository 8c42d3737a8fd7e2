/** What in a guest keeps it awake. */
import { expect, test } from "bun:test";
import { useOf } from "../../../../src/agent/sleep/use.ts";
import type { Container } from "../../../../src/system/docker-views.ts";

const container: Container = { Id: "1f", Names: ["/web"], Ports: [], Mounts: [] };

test("a container, a machine and a connection of ssh are use, and nothing else is", async () => {
  const looks: [readonly Container[], readonly string[], number, string | undefined][] = [
    [[container], [], 0, "The container web runs."],
    [[], ["unit:machine-db.scope", "db"], 0, "The container db of systemd-nspawn runs."],
    [[], [], 2, "ssh has 2 connections."],
    [[], ["unit:machine-db.scope"], 0, undefined],
  ];
  for (const [containers, machines, connections, use] of looks) {
    const system = { machines: async () => machines, sshConnections: async () => connections };
    expect(await useOf({ list: async () => containers }, system)).toBe(use);
  }
});
