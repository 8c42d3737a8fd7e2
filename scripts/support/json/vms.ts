/** What commands print about VMs, their ports and folders, in words. */
import type { JsonOutputs } from "../../../src/cli/json-outputs.ts";
import type { Output } from "./fields.ts";
import { arches, forward, protocols, sources, states, status } from "./shared.ts";

/** By the command that prints it. */
export const aboutVms: {
  readonly [
    Name in keyof Pick<JsonOutputs, "status" | "ls" | "ports ls" | "ports ls --watch" | "mounts ls" | "why">
  ]: Output<Name>;
} = {
  status: { is: "object", text: "Exits 3 when the VM does not run.", fields: status },
  ls: {
    is: "list",
    text: "One object for each VM. Of one whose files are broken most is null, and `reason` says what is wrong.",
    fields: {
      name: ["text", "The VM's name"],
      state: ["text", "What it does", states],
      reason: ["text or null", "Why it is not running, or who does not answer"],
      arch: ["text or null", "The guest's architecture", arches],
      cpus: ["number or null", "Virtual processors"],
      memoryMiB: ["number or null", "Memory in MiB"],
      image: ["text or null", "The image's name"],
      snapshots: ["list of text", "The names of its snapshots"],
      docker: ["object", "The way to its Docker", { socket: ["text", "The path of its socket"] }],
    },
  },
  "ports ls": { is: "list", text: "One object for each forward.", fields: forward },
  "ports ls --watch": {
    is: "lines",
    text: "One object a line: each forward at first, then those that change.",
    fields: { ...forward, state: ["text", "`closed` is the last word of one", { open: "", failed: "", closed: "" }] },
  },
  "mounts ls": {
    is: "object",
    text: "The folders of this machine that a VM sees, and what containers do with them.",
    fields: {
      mounts: [
        "list of objects",
        "The VM's mounts",
        {
          path: ["text", "The folder, the same here and in the guest"],
          readOnly: ["boolean", "Whether the guest may only read"],
          driver: ["text", "What serves it: 9p or virtiofs; auto where the VM is stopped and takes what it can have"],
          security: ["text", "How owners and modes are kept"],
          cache: ["text", "What the guest keeps in memory"],
        },
      ],
      containerMounts: [
        "list of objects or null",
        "The containers' mounts; null when Docker cannot be asked",
        {
          source: ["text", "The path outside the container"],
          mount: ["text or null", "The `path` of the VM's mount that it lies in; null for what only the guest has"],
          container: ["text", "The container's name"],
          state: ["text", "Docker's word for what it does"],
          destination: ["text", "The path in the container"],
          readOnly: ["boolean", "Whether it may only be read"],
        },
      ],
    },
  },
  why: {
    is: "object",
    text: "Who has a port of this machine, and why.",
    fields: {
      port: ["number", "The port that was asked about"],
      protocol: ["text or null", "Its protocol; null for all of them", protocols],
      reasons: [
        "list of objects",
        "The answer, most important first",
        {
          rule: [
            "text",
            "What decided",
            {
              none: "",
              other: "",
              ...sources,
              taken: "",
              sctp: "",
              address: "",
              refused: "",
              "ports.bind": "",
              "ports.deny": "",
              "ports.listen": "",
              slot: "",
              qn: "",
            },
          ],
          text: ["text", "The same in a sentence"],
        },
      ],
      notes: ["list of text", "What could not be found out"],
      holders: [
        "list of objects",
        "The processes of this machine that have it",
        {
          protocol: ["text", "Of the port", { tcp: "", udp: "" }],
          addresses: ["list of text", "Where they listen; `0.0.0.0` and `::` are everywhere"],
          pid: ["number or null", "The process; null when this user may not know"],
          name: ["text or null", "Its name"],
          command: ["list of text", "Its command line"],
        },
      ],
      vms: [
        "list of objects",
        "What each VM has to do with it",
        {
          name: ["text", "The VM's name"],
          state: ["text", "What it does, as in `qn status`"],
          forwards: ["list of objects", "Its forwards of the port, as in `qn ports ls`", forward],
          publishes: [
            "list of objects",
            "The containers that were made to publish it",
            {
              protocol: ["text", "Of the port", protocols],
              container: ["text", "The container's name"],
              state: ["text", "Docker's word for what it does"],
              hostIp: ["text", "The address that was asked for"],
              containerPort: ["number", "The port inside"],
              asked: ["text", "How the port was given", { port: "", range: "", any: "" }],
            },
          ],
        },
      ],
    },
  },
};
