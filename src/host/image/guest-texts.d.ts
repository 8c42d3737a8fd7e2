/** Types of the files below `guest/` that are imported as text (`with { type: "text" }`). */
declare module "*.conf" {
  const text: string;
  export default text;
}
declare module "*.link" {
  const text: string;
  export default text;
}
declare module "*.network" {
  const text: string;
  export default text;
}
declare module "*.rules" {
  const text: string;
  export default text;
}
declare module "*.service" {
  const text: string;
  export default text;
}
declare module "*/fstab" {
  const text: string;
  export default text;
}
declare module "*.sh" {
  const text: string;
  export default text;
}
declare module "*/sudoers" {
  const text: string;
  export default text;
}
declare module "*.socket" {
  const text: string;
  export default text;
}
