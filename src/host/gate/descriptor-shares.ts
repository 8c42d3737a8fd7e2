/** What of a supervisor's descriptors its ports may take: Docker's socket and whoever asks for the state need some. */

/** How many listeners, clients that wait, TCP clients that are carried, and flows there may be. */
export type DescriptorShares = Readonly<Record<"listeners" | "waiting" | "clients" | "flows", number>>;

/** The shares of so many descriptors: seven eighths in all, since a client that is carried takes two. */
export function sharesOf(openFilesMax: number): DescriptorShares {
  const [quarter, eighth] = [Math.floor(openFilesMax / 4), Math.floor(openFilesMax / 8)];
  return { listeners: quarter, waiting: quarter, clients: eighth, flows: eighth };
}
