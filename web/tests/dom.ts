import { cleanup } from "@testing-library/react";
import { afterEach } from "vitest";

// What jsdom lacks of a browser and Radix asks for.
globalThis.ResizeObserver ??= class {
  observe() {}
  unobserve() {}
  disconnect() {}
};

afterEach(cleanup);
