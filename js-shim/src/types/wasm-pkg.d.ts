// What wasm-bindgen makes into `pkg/`, in so far as we use it; here so that type checks need no wasm build.

declare module '*/pkg/plugin_wasm.js' {
  export default function init(input: { module_or_path: Response | Promise<Response> | URL }): Promise<unknown>;
  export class Persai {
    /** `onPatches` gets a JSON array of `Patch`, at most once per animation frame. */
    constructor(onPatches: (patches: string) => void);
    /** One `Command` as JSON. Returns an error sentence, or nothing. */
    dispatch(command: string): string | undefined;
    /** The whole view as a JSON array of `Patch`. */
    snapshot(): string;
  }
}
