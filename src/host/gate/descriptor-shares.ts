/** What of a supervisor's descriptors its ports may take: Docker's socket and whoever asks for the state need some. */
import { lazily } from "../../base/lazily.ts";
import { openFilesMax } from "../../system/open-files.ts";

/** How many listeners, clients that wait, TCP clients that are carried, and flows there may be. */
export type DescriptorShares = Readonly<Record<"listeners" | "waiting" | "clients" | "flows", number>>;

/** The shares of so many descriptors: seven eighths in all, since a client that is carried takes two. */
export function sharesOf(descriptors: number): DescriptorShares {
  const [quarter, eighth] = [Math.floor(descriptors / 4), Math.floor(descriptors / 8)];
  return { listeners: quarter, waiting: quarter, clients: eighth, flows: eighth };
}

/** Those of this process, found out once. */
export const ownShares: () => DescriptorShares = lazily(() => sharesOf(openFilesMax()));
