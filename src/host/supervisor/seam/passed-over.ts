/** What a person hears of a setting that an older agent passes over in silence, or that comes to nothing here. */
import { sshAgent } from "../../../protocol/terms.ts";
import type { Hello } from "./guest-link.ts";

/** Warns when the settings name certificates (`docker.caCertificates`) and the agent takes none. */
export function tellOfCertificates({ capabilities = [] }: Hello, setting: string, warn: (text: string) => void): void {
  if (setting === "none" || capabilities.includes("certificates")) return;
  warn(
    "The guest's agent is too old for the setting docker.caCertificates, which changes nothing. Build the image again with `qn image build`.",
  );
}

/** Warns when the settings name sockets (`files.sockets`) that the agent, or this machine, has none of. */
export function tellOfSockets(
  { capabilities = [] }: Hello,
  setting: readonly string[],
  found: readonly { readonly name: string }[],
  warn: (text: string) => void,
): void {
  if (setting.length > 0 && !capabilities.includes("sockets")) {
    return warn(
      "The guest's agent is too old for the setting files.sockets, which changes nothing. Build the image again with `qn image build`.",
    );
  }
  if (!setting.includes(sshAgent) || found.some(({ name }) => name === sshAgent)) return;
  warn(
    "files.sockets has ssh-agent, but SSH_AUTH_SOCK was not set where the VM was started: containers find no ssh agent.",
  );
}
