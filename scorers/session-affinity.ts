/** Prefers the one pod that the request's session belongs to. */
import { share } from "../src/routing/normalise.ts";
import { defineScorer } from "../src/scorer.ts";

const headerName = /^[\w!#$%&'*+.^`|~-]+$/;

export default defineScorer({
  name: "session-affinity",
  summary: "The pod of the request's session: 1; the others, and all without a session: 0.",
  leaning: "affinity",
  reads: ["sessionMatch"],
  options: {
    headers: {
      default: ["x-session-id", "x-session-affinity", "x-claude-code-session-id", "session-id", "session_id"],
      pattern: headerName,
      expects: "a header's name",
      help: "headers that hold a session's key, the first that came counts; a key's pod is found by hash",
    },
    cookie: {
      default: "",
      pattern: /^[\w!#$%&'*+.^`|~-]*$/,
      expects: "a cookie's name",
      help: "a cookie that holds the key where no header does",
    },
    body: { default: true, help: "the session that the body names is the key where neither header nor cookie does" },
    tokenHeader: {
      default: "",
      pattern: /^[\w!#$%&'*+.^`|~-]*$/,
      expects: "a header's name",
      help: "a header that names the pod itself, [namespace/]pod or ip:port in base64; beats every key; none unless set or handed out",
    },
    handOut: {
      default: false,
      help: "answers carry tokenHeader, x-session-token if not set, with the pod that served them; needs response_header_mode SEND",
    },
  },
  build: () => (pods, scores) => share(pods.sessionMatch, pods.size, scores),
});
