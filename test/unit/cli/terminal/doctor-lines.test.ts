/** What `qn doctor` prints. */
import { expect, test } from "bun:test";
import { doctorLines } from "../../../../src/cli/terminal/doctor-lines.ts";

const findings = [
  { check: "home", level: "ok", text: "/home/ann/.qn is yours.", fix: null },
  {
    check: "acceleration",
    level: "warn",
    text: "kvm cannot be used. /dev/kvm is there, but this user may not open it.",
    fix: "Run: sudo usermod --append --groups kvm ann, and log in again",
  },
] as const;

test("a finding is one line where there is room, or no terminal, and its fix another", () => {
  const whole = [
    "ok    home          /home/ann/.qn is yours.",
    "warn  acceleration  kvm cannot be used. /dev/kvm is there, but this user may not open it.",
    "                    Run: sudo usermod --append --groups kvm ann, and log in again",
  ];
  expect(doctorLines(findings)).toEqual(whole);
  expect(doctorLines(findings, 120)).toEqual(whole);
});

test("on a narrow terminal text is broken between words, and a line to be copied is not", () => {
  expect(doctorLines(findings, 60)).toEqual([
    "ok    home          /home/ann/.qn is yours.",
    "warn  acceleration  kvm cannot be used. /dev/kvm is there,",
    "                    but this user may not open it.",
    "                    Run: sudo usermod --append --groups kvm ann, and log in again",
  ]);
  // No terminal is so narrow that nothing fits.
  expect(doctorLines(findings, 0)[0]).toBe("ok    home          /home/ann/.qn is");
});
