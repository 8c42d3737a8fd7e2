/** What a person hears of a setting that an older agent passes over in silence. */
import type { Hello } from "./guest-link.ts";

/** Warns when the settings name certificates (`docker.caCertificates`) and the agent takes none. */
export function tellOfCertificates({ capabilities = [] }: Hello, setting: string, warn: (text: string) => void): void {
  if (setting === "none" || capabilities.includes("certificates")) return;
  warn(
    "The guest's agent is too old for the setting docker.caCertificates, which changes nothing. Build the image again with `qn image build`.",
  );
}
