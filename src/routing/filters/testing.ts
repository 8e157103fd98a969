/** Keeps the pods that a test asks for by a header: conformance suites steer with it. Not for production. */
import { defineFilter } from "../filter.ts";
import { isListed } from "./address-list.ts";

const HEADER = "test-epp-endpoint-selection";

export default defineFilter({
  name: "testing",
  summary: `Pods named in the header ${HEADER}, ip or ip:port with commas; all without the header.`,
  ground: "facts",
  headers: [HEADER],
  options: {},
  whenNoneIsLeft: () => "no_pod_left",
  build:
    () =>
    (_request, { headers }) => {
      const asked = headers?.[HEADER] ?? "";
      return asked === "" ? undefined : isListed(asked.split(","));
    },
});
